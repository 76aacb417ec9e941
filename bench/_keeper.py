"""`python -m bench._keeper --data DIR`: the lake's keeper alone; in an installation it lives in the jobs process."""

import argparse
import os
import time
from pathlib import Path

from dekhang.pipeline.lakewrite.keeper import NICENESS, Keeper

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    keeper = Keeper(parser.parse_args().data)
    os.nice(NICENESS)
    while True:
        keeper.work()
        time.sleep(2)
