"""``python -m fluxapps.devcluster``: the local cluster by hand."""

import sys

from fluxapps.devcluster.command import main

sys.exit(main())
