#!/usr/bin/env python3
"""The real daemon on a real interface: breakwater-edge in a network namespace, as a user with two capabilities.

    e2e_test.py PROGRAM [TEST ...]

Needs root for the namespaces, and exits with 77 without it. Traffic stays inside the namespaces and goes from
198.18.0.0/15 to 203.0.113.7.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = None
UID = 64199
VICTIM = "203.0.113.7"
CONFIG = """
edge: {{id: e2e}}
interfaces: [edge0]
protect:
  - {{prefix: 203.0.113.0/24, services: [tcp/80]}}
state: {{directory: {directory}/state}}
admin: {{socket: {directory}/edge.sock}}
http: {{listen: "127.0.0.1:9550"}}
"""


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def wait_for(condition, what, limit=15.0):
    """The machine may be busy: what should take a tenth of a second gets many."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"no {what} within {limit} s")


class EnterNamespace:
    """This thread inside a network namespace, for its sockets."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        target = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        set_namespace(target)
        os.close(target)

    def __exit__(self, *error):
        set_namespace(self.before)
        os.close(self.before)


def set_namespace(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET; os.setns is newer than Python 3.11
        raise OSError(ctypes.get_errno(), "setns")


def syn(number):
    """A SYN as a flood tool sends it: random source, port and sequence number, no options, an odd window."""
    r = (number * 0x9E3779B97F4A7C15 + 0x7F4A7C15) & 0xFFFFFFFFFFFFFFFF
    r = ((r ^ r >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    r ^= r >> 31
    source = 0xC6120000 | r & 0x1FFFF
    ip = struct.pack("!BBHHHBBHI4s", 0x45, 0, 40, 0, 0x4000, 244, 6, 0, source, socket.inet_aton(VICTIM))
    tcp = struct.pack("!HHIIBBHHH", 1024 + (r >> 20) % 60000, 80, r >> 32, 0, 0x50, 0x02, 512, 0, 0)
    return ip + tcp


class Flood(threading.Thread):
    """SYNs into the far end of the edge's interface, a fixed number a second, until stopped or time is up."""

    MAX_SECONDS = 30

    def __init__(self, namespace, frame_header, pps):
        super().__init__(daemon=True)
        self.namespace, self.header, self.pps = namespace, frame_header, pps
        self.sent = 0
        self.done = threading.Event()

    def run(self):
        with EnterNamespace(self.namespace):
            out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            out.bind(("far0", 0))
        start = time.monotonic()
        while not self.done.is_set() and time.monotonic() - start < self.MAX_SECONDS:
            due = int((time.monotonic() - start) * self.pps)
            while self.sent < due:
                out.send(self.header + syn(self.sent))
                self.sent += 1
            time.sleep(0.005)
        out.close()

    def stop(self):
        self.done.set()
        self.join()


class Daemon(unittest.TestCase):
    def setUp(self):
        self.namespace = f"bwe2e{os.getpid()}"
        self.directory = tempfile.mkdtemp(prefix="breakwater-e2e-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.mkdir(self.directory + "/state")
        with open(self.directory + "/edge.yaml", "w") as file:
            file.write(CONFIG.format(directory=self.directory))
        for path in ("", "/state", "/edge.yaml"):
            os.chown(self.directory + path, UID, UID)
        run("ip", "netns", "add", self.namespace)
        self.addCleanup(run, "ip", "netns", "del", self.namespace)
        run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        self.add_interface()
        self.processes = []

    def add_interface(self):
        run("ip", "-n", self.namespace, "link", "add", "edge0", "type", "veth", "peer", "name", "far0")
        for name in ("edge0", "far0"):
            run("ip", "-n", self.namespace, "link", "set", name, "up")

    def start(self, capabilities="-all,+bpf,+net_admin", environment=None, config="edge.yaml"):
        log = open(f"{self.directory}/log{len(self.processes)}", "w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups",
             f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}",
             "--no-new-privs", PROGRAM, "run", "--config", f"{self.directory}/{config}"],
            stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        process.log = log
        self.processes.append(process)
        self.addCleanup(self.end, process)
        return process

    def start_ready(self, **options):
        process = self.start(**options)
        wait_for(lambda: self.get("/readyz")[0] == 200 or self.died(process), "readiness")
        return process

    def died(self, process):
        if process.poll() is not None:
            self.fail(f"the edge ended with {process.returncode}: {self.log_of(process)}")
        return False

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def log_of(self, process):
        process.log.flush()
        with open(process.log.name) as file:
            return file.read()

    def get(self, path):
        """(status, body) from the management address; (0, why) when nobody answers."""
        answer = run("ip", "netns", "exec", self.namespace, "curl", "-s", "-m", "5", "-w", "\n%{http_code}",
                     f"http://127.0.0.1:9550{path}", check=False).stdout
        body, _, status = answer.rpartition("\n")
        return int(status or 0), body

    def command(self, *arguments, check=True):
        return run(PROGRAM, *arguments, "--socket", f"{self.directory}/edge.sock", check=check)

    def view(self, page):
        return json.loads(self.command(page, "--json").stdout)

    def flood(self, pps=5000):
        address = json.loads(run("ip", "-n", self.namespace, "-j", "link", "show", "edge0").stdout)[0]["address"]
        header = bytes.fromhex(address.replace(":", "")) + bytes.fromhex("020000000001") + b"\x08\x00"
        flood = Flood(self.namespace, header, pps)
        flood.start()
        self.addCleanup(flood.stop)
        return flood

    def enforcing(self):
        return [r for r in self.view("rules")["rules"] if r["mode"] == "enforce" and r["dropped_packets"] > 0]

    def test_starts_answers_and_stops(self):
        process = self.start_ready()
        status, body = self.get("/readyz?verbose")
        self.assertEqual(status, 200)
        self.assertIn("[+] interfaces: all attached", body)
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertIn('breakwater_edge_interface_present{interface="edge0"} 1', self.get("/metrics")[1])
        self.assertEqual(self.view("status")["edge"], "e2e")
        self.assertIn("state      ready", self.command("status").stdout)
        self.assertEqual(self.command("rules").stdout, "no rules\n")
        self.assertEqual(os.stat(f"{self.directory}/edge.sock").st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(f"{self.directory}/edge.sock").st_uid, UID)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertNotIn("xdp", run("ip", "-n", self.namespace, "link", "show", "edge0").stdout)
        for line in self.log_of(process).splitlines():
            self.assertLessEqual({"ts", "level", "component", "event", "msg"}, json.loads(line).keys())
        gone = self.command("status", check=False)
        self.assertEqual(gone.returncode, 6)
        self.assertIn("no edge is running", gone.stderr)

    def test_drops_a_flood_and_drops_it_again_after_being_killed(self):
        process = self.start_ready()
        flood = self.flood()
        rules = wait_for(self.enforcing, "rule that drops")
        attack = self.view("attacks")["attacks"][0]
        self.assertEqual((attack["target"], attack["vector"]), (VICTIM, "tcp.syn"))
        self.assertIn("tcp.flags == syn", rules[0]["match"])
        wait_for(lambda: os.path.exists(f"{self.directory}/state/rules.state"), "state file")
        time.sleep(0.5)  # the write of the confirmed rule
        process.kill()
        process.wait()
        again = self.start_ready()
        # The saved rule is in force before any detection of the new run.
        restored = {r["id"]: r for r in self.view("rules")["rules"]}
        self.assertIn(rules[0]["id"], restored)
        self.assertEqual(restored[rules[0]["id"]]["mode"], "enforce")
        self.assertIn("rule_restored", self.log_of(again))
        wait_for(self.enforcing, "drops by the restored rule")
        flood.stop()

    def test_panic_lets_everything_pass_and_survives_a_restart(self):
        process = self.start_ready()
        self.flood()
        wait_for(self.enforcing, "rule that drops")
        self.command("panic", "on", "--reason", "drill")
        before = self.view("status")["verdicts"]["drop_rule"]["packets"]
        time.sleep(0.3)
        after = self.view("status")["verdicts"]["drop_rule"]["packets"]
        time.sleep(0.5)
        self.assertEqual(self.view("status")["verdicts"]["drop_rule"]["packets"], after)
        self.assertLess(after - before, 5000)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.start_ready()
        status = self.view("status")
        self.assertEqual((status["panic"], status["panic_reason"]), (True, "drill"))
        self.assertEqual(status["verdicts"]["drop_rule"]["packets"], 0)
        self.command("panic", "off")
        wait_for(self.enforcing, "drops after panic")

    def test_an_interface_that_disappears(self):
        process = self.start_ready()
        run("ip", "-n", self.namespace, "link", "del", "edge0")
        wait_for(lambda: self.get("/readyz")[0] == 503, "loss of readiness")
        self.assertIn("edge0 isn't there", self.get("/readyz")[1])
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertIn("edge0 GONE", self.command("status").stdout)
        self.add_interface()
        wait_for(lambda: self.get("/readyz")[0] == 200, "readiness when it is back")
        self.assertIn("interface_gone", self.log_of(process))
        self.flood()
        wait_for(self.enforcing, "drops on the interface that came back")

    def test_reload(self):
        process = self.start_ready()
        path = f"{self.directory}/edge.yaml"
        with open(path) as file:
            good = file.read()
        with open(path, "w") as file:
            file.write(good + "lgo: {level: debug}\n")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload_refused" in self.log_of(process), "refusal")
        self.assertIn('unknown key \\"lgo\\"; did you mean \\"log\\"?', self.log_of(process))
        self.assertEqual(self.get("/readyz")[0], 200)
        with open(path, "w") as file:
            file.write(good + "rules: [{id: mine, match: ip.dst == 203.0.113.9 and udp.srcport == 53, action: drop}]\n")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "mine" in self.command("rules").stdout, "the new rule")

    def test_missing_capabilities(self):
        for capabilities, missing in (("-all", "CAP_BPF"), ("-all,+net_admin", "CAP_BPF"), ("-all,+bpf", "CAP_NET_ADMIN")):
            process = self.start(capabilities=capabilities)
            self.assertEqual(process.wait(20), 1)
            self.assertIn(f"lacks {missing}", self.log_of(process))
            self.assertIn("AmbientCapabilities", self.log_of(process))

    def test_systemd_is_told(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(f"{self.directory}/notify")
        os.chown(f"{self.directory}/notify", UID, UID)
        listener.settimeout(15)
        process = self.start(environment={"NOTIFY_SOCKET": f"{self.directory}/notify", "WATCHDOG_USEC": "400000"})
        seen = set()
        while not {"READY=1", "WATCHDOG=1"} <= seen:
            seen.update(listener.recv(4096).decode().splitlines())
        process.send_signal(signal.SIGHUP)
        while "RELOADING=1" not in seen:
            seen.update(listener.recv(4096).decode().splitlines())
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in seen:
            seen.update(listener.recv(4096).decode().splitlines())
        self.assertEqual(process.wait(10), 0)

    def test_an_unusable_state_directory_stops_nothing(self):
        shutil.rmtree(self.directory + "/state")
        with open(self.directory + "/state", "w") as file:
            file.write("a file where the directory should be")
        process = self.start_ready()
        wait_for(lambda: "persist_failed" in self.log_of(process), "report of the failed write")
        self.flood()
        wait_for(self.enforcing, "drops without a disk")
        # Looked at once a second.
        wait_for(lambda: "note" in self.command("status").stdout, "the status to tell of the failed write")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0:
        print("skipped: making network namespaces needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
