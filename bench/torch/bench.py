"""PyTorch's side of the benchmark: a child process that the Rust side asks for one round at a time.

Requests and answers are single lines of JSON on standard input and output:

    {"cmd": "info"}                                             what runs here
    {"cmd": "variants", "workload": W}                          the memory layouts worth trying, or none if W is unknown
    {"cmd": "prepare", "workload": W, "variant": V}             build it and warm it up
    {"cmd": "round", "workload": W, "variant": V, "seconds": S} median seconds of a step, over about S seconds
    {"cmd": "check", "workload": W}                             numbers of one step, to compare with the other side
    {"cmd": "drop", "workload": W, "variant": V}                free it; answers the peak of resident memory since prepare
"""

import argparse
import json
import statistics
import sys
import time

import torch

from workloads import WORKLOADS

BLOCK = 0.002  # a timing shorter than this is mostly clock and scheduler


def block_length(step):
    """How many steps make a block of at least BLOCK seconds."""
    n = 1
    while True:
        start = time.perf_counter()
        for _ in range(n):
            step()
        if time.perf_counter() - start >= BLOCK or n >= 1 << 20:
            return n
        n *= 2


def one_round(step, n, seconds):
    blocks, end = [], time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        for _ in range(n):
            step()
        now = time.perf_counter()
        blocks.append((now - start) / n)
        if now >= end:
            return statistics.median(blocks), n * len(blocks)


def peak_memory():
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def reset_peak_memory():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


class Server:
    def __init__(self):
        self.prepared = {}

    def info(self, _):
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}

    def variants(self, request):
        workload = WORKLOADS.get(request["workload"])
        return {"variants": list(workload.variants) if workload else []}

    def prepare(self, request):
        name, variant = request["workload"], request["variant"]
        reset_peak_memory()
        torch.manual_seed(0)
        step = WORKLOADS[name].make(variant)
        step()
        self.prepared[name, variant] = step, block_length(step)
        return {}

    def round(self, request):
        step, n = self.prepared[request["workload"], request["variant"]]
        seconds, steps = one_round(step, n, request["seconds"])
        return {"seconds": seconds, "steps": steps}

    def check(self, request):
        workload = WORKLOADS[request["workload"]]
        torch.manual_seed(0)
        result = workload.make(workload.variants[0])()
        return {"value": float(result.detach().double().sum())}

    def drop(self, request):
        self.prepared.pop((request["workload"], request["variant"]), None)
        return {"peak_memory": peak_memory()}


def serve(threads):
    torch.set_num_threads(threads)
    server = Server()
    handlers = {k: getattr(server, k) for k in ("info", "variants", "prepare", "round", "check", "drop")}
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = handlers[request["cmd"]](request)
        except Exception as e:  # noqa: BLE001 - the other side reports it and goes on with the next workload
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PyTorch's side of the benchmark; started by the Rust side.")
    parser.add_argument("--threads", type=int, default=2)
    serve(parser.parse_args().threads)
