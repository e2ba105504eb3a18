"""Processes that take turns: each stays alive, and works only while it is asked to.

A side answers a line on its standard input by one line of JSON. Its first line comes unasked, when it is ready.
"""
import json
import os
import resource
import subprocess
import time


class SideError(Exception):
    """Why a side gives nothing; `refused` when it said so itself."""

    def __init__(self, text, refused=False):
        super().__init__(text)
        self.refused = refused


class Side:
    def __init__(self, name, command, log, environment=None, announces=True):
        self.name, self.log = name, log
        start = time.perf_counter()
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})})
        self.ready = self.answer() if announces else {}
        self.first = time.perf_counter() - start

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            with open(self.log, errors="replace") as errors:
                said = errors.read().strip().splitlines()
            self.close()
            raise SideError(f"{self.name} ended (exit {self.process.returncode}): {said[-1] if said else 'it said nothing'}")
        answer = json.loads(line)
        if "refused" in answer:
            self.close()
            first = answer["refused"].splitlines()[0]
            raise SideError(first.partition(": error: ")[2] or first, refused=True)
        return answer

    def ask(self, request):
        try:
            self.process.stdin.write(f"{request}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self.answer()

    def memory(self):
        """MiB: the most that was resident, and what is resident now and is no file's."""
        with open(f"/proc/{self.process.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return [int(fields[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon")]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Others:
    """What else the CPUs do: the share of their time that neither the sides nor idleness took."""

    def __init__(self, sides):
        self.pids = [side.process.pid for side in sides]
        self.start = self.now()

    def now(self):
        ticks = os.sysconf("SC_CLK_TCK")
        with open("/proc/stat") as stat:
            user, nice, system, idle, wait, irq, soft, steal = map(int, stat.readline().split()[1:9])
        own = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) * ticks
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as stat:
                own += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
        total = user + nice + system + idle + wait + irq + soft + steal
        return total, user + nice + system + irq + soft + steal - own

    def share(self):
        total, busy = (after - before for after, before in zip(self.now(), self.start))
        return max(0, busy / total) if total else 0


def load_warning():
    """A sentence when the machine has other work now; else None."""
    load = os.getloadavg()[0]
    if load < 0.3:
        return None
    return (f"warning: the load average is {load:.2f}: other work runs, or ran a minute ago. "
            "Figures of a machine that is not idle are worth little: wait, or stop it.")


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
