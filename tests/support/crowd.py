"""Many clients at once, over raw connections: as many sockets as buyers, released together."""

import asyncio

from support.tokens import bearer


async def read_response(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(next(line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")))
    return int(head.split(" ", 2)[1]), (await reader.readexactly(length)).decode()


def request(method, path, body, token, key=None):
    extra = f"Idempotency-Key: {key}\r\n" if key else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer(token)}\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def post(path, body, token, key=None):
    return request("POST", path, body, token, key)


async def release(port, requests):
    """Connects all, sends each its request when all are there; (status, body) of each, None where the connection ended."""
    async def connect():
        return await asyncio.open_connection("127.0.0.1", port)

    connections = await asyncio.gather(*(connect() for _ in requests))

    async def ask(connection, request):
        reader, writer = connection
        try:
            writer.write(request)
            return await read_response(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        finally:
            writer.close()

    return await asyncio.gather(*(ask(c, r) for c, r in zip(connections, requests)))


def at_once(port, requests):
    return asyncio.run(release(port, requests))
