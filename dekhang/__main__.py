import sys

from dekhang.cli import main

sys.exit(main())
