#!/usr/bin/env python3
"""Runs the commands of README.md's walk, in order, in one shell, against the server that clients/with-server started.

The walk is what stands between the `walk` comments: every line that begins with `$ ` in a console block. A command that
fails, or that does not print the first word that the README shows below it, is a failure.
"""

import atexit
import os
import pathlib
import signal
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
walk = (root / "README.md").read_text().split("<!-- walk", 1)[1].split("<!-- end of walk -->", 1)[0]


def steps():
    command, shown = None, []
    for line in walk.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        elif line.startswith("```"):
            if command:
                yield command, shown
            command, shown = None, []
        elif command and line:
            shown.append(line)


environment = {**os.environ, "PATH": f"{pathlib.Path(os.environ['WATCHFIRE_BIN']).parent}:{os.environ['PATH']}"}
# All commands share one shell, as they do in the reader's terminal.
# What they leave running ends with the shell's group.
shell = subprocess.Popen(["bash"], start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         cwd=os.environ["WATCHFIRE_WORK"], env=environment)
atexit.register(os.killpg, shell.pid, signal.SIGTERM)
passed = 0
for command, shown in steps():
    # The doctor is the last word: it must find nothing amiss.
    shell.stdin.write(f"{command}\necho \"--- $?\"\n")
    shell.stdin.flush()
    printed = []
    while not (line := shell.stdout.readline()).startswith("--- "):
        if not line:
            sys.exit(f"the shell ended at: {command}")
        printed.append(line)
    output = "".join(printed)
    wanted = [line.split()[0] for line in shown if line.split()[0][0].isalpha() and line.split()[0].isalpha()]
    missing = [word for word in wanted if word not in output]
    if line.strip() != "--- 0" or missing:
        sys.exit(f"FAILED ({line.strip()}, missing {missing}): {command}\n{output}")
    passed += 1
    print(f"ok  {command}")
print(f"{passed} passed, 0 failed")
