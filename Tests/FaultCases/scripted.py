"""An app whose next generations may be something else."""
from harness.places import SERVER
from harness.volume import write


def scripted(s, script, **settings):
    """Starts the demo server; the next generation runs the script first: what /bin/sh finds in the file that is returned."""
    path = s.directory + "/next"
    write(path, ":\n")
    s.start(app=["sh", "-c", '. "%s"; exec "%s" "%s"' % (path, SERVER, s.config)], **settings)
    write(path, script + "\n")
    return path
