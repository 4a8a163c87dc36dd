/// The names by which programs are recognised. Each is the name of the file, without what packagers put behind it.
enum KnownPrograms {
    /// Programs of runtimes that catch every signal, which do read their configuration again at SIGHUP, each by its manual (and
    /// tried: prometheus, alertmanager, blackbox_exporter, nats-server).
    static let reloadAtHangUp: Set<String> = [
        "prometheus",
        "alertmanager", "prometheus-alertmanager",
        "blackbox_exporter", "prometheus-blackbox-exporter",
        "snmp_exporter", "prometheus-snmp-exporter",
        "nats-server",
        "consul", "vault", "telegraf",
    ]

    /// Ruby servers that do so where they are given a configuration file, with the options that name one: without, unicorn's HUP
    /// starts a second master beside the first (unicorn's SIGNALS page).
    static let reloadWithFile: [String: [String]] = [
        "unicorn": ["-c", "--config-file"], "unicorn_rails": ["-c", "--config-file"],
    ]

    static let shells = names(
        """
        sh ash bash rbash dash ksh ksh93 mksh lksh oksh zsh rzsh fish yash posh hush tcsh csh elvish nu pwsh
        """)

    /// Inits, supervisors, runners of scripts: what HUP does to them says nothing about what it does to the app.
    static let wrappers = names(
        """
        tini tini-static docker-init dumb-init catatonit podman-init pid1 multirun init systemd s6-svscan s6-supervise
        s6-setsid runsvdir runsv runit runit-init perpd supervisord supervise circusd honcho watchmedo pm2 pm2-runtime
        forever nodemon concurrently npm npx npm-cli npx-cli yarn yarnpkg yarn-berry pnpm pnpx corepack cross-env
        dotenv env-cmd lerna nx turbo make gmake ninja cargo uv uvx watchexec entr sudo su doas runuser timeout script
        strace ltrace gdb gdbserver valgrind daemon start-stop-daemon flock unshare nsenter bwrap firejail proot
        fakeroot xvfb-run dbus-run-session tmux screen server_starter start_server einhorn
        """)

    private static func names(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }

    /// Files that are many programs: the first word of the command line, or the second, says which.
    static let multiCall: Set<String> = ["busybox", "toybox", "coreutils"]

    /// They run programs of another processor, and catch every signal for them.
    static let emulators = ["qemu-", "rosetta", "box86", "box64", "FEXInterpreter"]

    /// That catch no signal by themselves.
    static let interpreters = ["node", "nodejs", "bun", "deno", "python", "pypy", "perl"]

    /// Beginnings of the names of dynamic loaders (ld.so(8)), which can be given a program to run.
    static let loaders = ["ld-linux", "ld-musl", "ld-2", "ld.so"]

    /// Options of node, Python and the dynamic loader that take the word behind them.
    static let optionsWithWord: Set<String> = [
        "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--title",
        "--env-file",
        "-W", "-X",
        "--library-path", "--preload", "--audit", "--argv0", "--inhibit-rpath",
    ]
}
