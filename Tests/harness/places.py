"""Where the repository and the programs under test are."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BATON = os.environ.get("BATON", ROOT + "/.build/release/baton")
SERVER = os.path.dirname(BATON) + "/quickstart-server"
AGENT = os.path.dirname(BATON) + "/baton-agent"
IS_ROOT = os.geteuid() == 0
os.environ["PATH"] += ":/usr/sbin:/sbin"
