"""A real nats-server and a real rsyslogd, each in a folder of its own, that can be killed and started again."""

import os
import pathlib
import signal
import socket
import subprocess
import time

CERTIFICATES = pathlib.Path(__file__).resolve().parent.parent / "crates/fixtures/src/tls"
PATIENCE = 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A process that listens on one port."""

    def __init__(self, name: str, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True)
        self.name, self.folder, self.port = name, folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with open(self.folder / "said", "ab") as said:
            self.process = subprocess.Popen(self.command(), stdout=said, stderr=said)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not listen: {(self.folder / 'said').read_text()}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Nats(Server):
    """JetStream over TLS, with a token."""

    token = "nats-test-token"

    def command(self) -> list[str]:
        tls = ["--tls", f"--tlscert={CERTIFICATES / 'server.crt'}", f"--tlskey={CERTIFICATES / 'server.key'}"]
        where = ["-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "js")]
        return ["nats-server", *where, *tls, "--auth", self.token]


class Rsyslog(Server):
    """Syslog over TLS (RFC 5425); it asks for a certificate of our CA."""

    def command(self) -> list[str]:
        configuration = self.folder / "rsyslog.conf"
        configuration.write_text(f"""
global(workDirectory="{self.folder}" maxMessageSize="64k"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{CERTIFICATES / 'ca.crt'}"
  defaultNetstreamDriverCertFile="{CERTIFICATES / 'server.crt'}"
  defaultNetstreamDriverKeyFile="{CERTIFICATES / 'server.key'}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
template(name="fields" type="string" string="%app-name%|%pri%|%structured-data%|%msg%\\n")
ruleset(name="in") {{ action(type="omfile" file="{self.folder / 'messages'}" template="fields" sync="on") }}
input(type="imtcp" port="{self.port}" ruleset="in")
""")
        return ["rsyslogd", "-n", "-f", str(configuration), "-i", str(self.folder / "pid")]

    def kill(self) -> None:
        super().kill()
        (self.folder / "pid").unlink(missing_ok=True)

    def lines(self) -> list[str]:
        messages = self.folder / "messages"
        return messages.read_text().splitlines() if messages.exists() else []


def available(program: str) -> bool:
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in os.environ["PATH"].split(":"))
