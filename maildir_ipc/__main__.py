"""python -m maildir_ipc, and what the scripts in bin/ start with -I -S."""

import gc
import os
import sys

# While a command loads, the collector would walk all that was loaded a dozen times, and find nothing.
gc.set_threshold(20000)
if sys.version_info < (3, 10):
    # macOS's /usr/bin/python3 and old servers' are too old, while a newer one often lies beside it.
    for minor in (14, 13, 12, 11, 10):
        name = "python3.%d" % minor
        for folder in os.environ.get("PATH", "/usr/bin").split(os.pathsep):
            path = os.path.join(folder, name)
            # A version manager's shim is there for every version, and fails for most.
            if os.access(path, os.X_OK) and os.system("'%s' -c '' 2>/dev/null" % path.replace("'", "'\\''")) == 0:
                os.execv(path, [path, "-I", "-S", os.path.abspath(__file__)] + sys.argv[1:])
    sys.stderr.write("mipc: needs Python 3.10 or later, found %d.%d: install one\n" % sys.version_info[:2])
    sys.exit(0 if sys.argv[1:2] == ["hook"] else 69)

if not __package__:
    if not sys.flags.isolated:
        del sys.path[0]  # this folder itself: its modules are not top-level ones
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from maildir_ipc.cli import main

# Nothing is buffered, and taking the interpreter apart would cost a tenth of a command.
os._exit(main())
