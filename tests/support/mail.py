"""A real mail server for tests (Debian's aiosmtpd) that notes what it took, and from whom to whom."""

import asyncio
import email
import email.policy

from aiosmtpd.controller import Controller

from support.ports import free_port


class MailServer:
    def __init__(self):
        self.mails = []  # taken: (envelope, message)
        self.tries = []  # Message-IDs, taken or not
        self.answer = lambda message: "250 taken"  # or what else to say; may be a coroutine
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def start(self):
        self.controller.start()
        return self

    def stop(self):
        self.controller.stop()

    @property
    def flags(self):
        return ("--mail", f"smtp://127.0.0.1:{self.controller.port}", "--mail-tls-optional", "--mail.interval", "20ms")

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.tries.append(message["Message-ID"])
        answer = self.answer(message)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer.startswith("250"):
            self.mails.append((envelope, message))
        return answer

    def to(self, address):
        return [message for envelope, message in self.mails if envelope.rcpt_tos == [address]]


def text_of(message):
    return message.get_body(("plain",)).get_content()


def html_of(message):
    return message.get_body(("html",)).get_content()
