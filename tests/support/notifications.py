"""What notification has written."""

from support.publisher import eventually


def rows(service, columns="user_id, channel, kind", where="1 = 1"):
    return [tuple(row.values()) for row in service.query(f"SELECT {columns} FROM notifications WHERE {where} ORDER BY {columns}")]


def told(service, where, count):
    """Waits for so many rows."""
    return eventually(lambda: len(found := rows(service, where=where)) == count and found or count == 0)
