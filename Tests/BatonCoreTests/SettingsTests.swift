import Testing

@testable import BatonCore

@Suite struct SettingsTests {
    private func parse(_ variables: [String: String]) -> (Settings, [SettingsProblem]) {
        Settings.parse(variables.map { ($0.key, $0.value) })
    }

    private func problem(_ name: String, _ value: String) -> String? {
        let problems = parse([name: value]).1
        return problems.count == 1 ? problems[0].description : nil
    }

    @Test func theDefaultsOfTheListAreTheDefaultsInForce() {
        // Each default text, given as a value, must lead to what is there without it.
        let words: Set<String> = ["none", "unchanged"]
        for definition in SettingDefinition.all where !words.contains(definition.defaultText) {
            let (settings, problems) = parse([definition.name: definition.defaultText])
            #expect(problems.isEmpty, "\(definition.name)")
            var expected = Settings()
            expected.given = [definition.name]
            #expect(settings == expected, "\(definition.name)")
        }
    }

    @Test func everySettingOfTheContractIsKnown() {
        let contract = [
            "WATCH", "STRATEGY", "POLL_INTERVAL", "SETTLE", "AUDIT_INTERVAL", "ON_CHANGE", "RELOAD_SIGNAL", "LISTEN",
            "ADOPT",
            "STEER", "READY", "READY_TIMEOUT", "DRAIN_SIGNAL", "DRAIN_TIMEOUT", "MAX_DRAINING", "STOP_DELAY",
            "STOP_TIMEOUT",
            "VALIDATE", "VALIDATE_TIMEOUT", "STAGE", "STAGE_FILES", "PROBATION", "ENV_FROM", "RESTART", "SPLAY",
            "SUBPATH",
            "EXIT_OK", "PARENT_DEATH_SIGNAL", "SIGNAL_MAP", "SIGNAL_TARGET", "USER", "CAPS", "NO_NEW_PRIVS", "CONTROL",
            "ADMIN",
            "LOG", "LOG_LEVEL",
        ]
        let known = Set(SettingDefinition.all.map(\.name))
        let added = [
            "ADOPT_EXCEPT", "SLOW_START", "RELOAD_COMMAND", "SERVICE_ACCOUNT", "API_SILENCE", "URL_INTERVAL",
            "URL_TIMEOUT",
            "URL_SIZE_LIMIT",
            "URL_CA_FILE",
            "URL_TOKEN_FILE",
            "VALIDATE_START",
        ]
        #expect(known == Set((contract + added).map { "BATON_\($0)" }))
    }

    @Test func allProblemsAreToldAtOnceInOrder() {
        let (_, problems) = parse([
            "BATON_WATHC": "/x", "BATON_SETTLE": "1y", "BATON_RESTART": "allways", "BATON_LISTEN": "foo", "PATH": "x",
        ])
        #expect(
            problems.map(\.description) == [
                "BATON_LISTEN: \"foo\" does not begin with tcp://, unix:// or udp:// (allowed: [name=]tcp://host:port[?defer_accept&nonblock], "
                    + "unix:///path or udp://host:port, separated by commas)",
                "BATON_RESTART: \"allways\" is not one of the allowed values; did you mean always? (allowed: never, on-failure or always)",
                "BATON_SETTLE: \"1y\" is not a duration (allowed: a duration such as 250ms, 5s or 2m)",
                "BATON_WATHC: unknown setting; did you mean BATON_WATCH?",
            ])
    }

    @Test(arguments: [
        ("BATON_WATCH", "app.yaml", "begins with /"), ("BATON_WATCH", "configmap/", "is not the name of an object"),
        ("BATON_WATCH", "configmap/a/b/c", "is not of the form"),
        ("BATON_WATCH", "https://me:secret@x/y", "others can see"), ("BATON_WATCH", "https://:/", "has no host"),
        ("BATON_WATCH", "https://:443/app.yaml", "has no host"),
        ("BATON_WATCH", "configmap/Web", "lower-case"), ("BATON_WATCH", "secret/a/../b", "is not of the form"),
        ("BATON_WATCH", "secret/a/..", "is not a key"), ("BATON_WATCH", "x=ftp://y/z", "is not a URL"),
        ("BATON_WATCH", "https://a/x,https://b/x", "two sources would be staged at url/x"),
        ("BATON_STAGE", "here", "not an absolute path"), ("BATON_ENV_FROM", "x", "is not a source"),
        ("BATON_URL_SIZE_LIMIT", "1G", "is not a size"),
        ("BATON_STRATEGY", "pol", "did you mean poll"), ("BATON_SLOW_START", "slowly", "not a duration"),
        ("BATON_POLL_INTERVAL", "1ms", "less than 10ms"), ("BATON_POLL_INTERVAL", "-5s", "not a duration"),
        ("BATON_POLL_INTERVAL", "99999999999999999s", "not a duration"), ("BATON_SETTLE", "25h", "more than 24h"),
        ("BATON_SETTLE", "5", "not a duration"), ("BATON_ON_CHANGE", "relaod", "did you mean reload"),
        ("BATON_RELOAD_SIGNAL", "KILL", "cannot be caught"), ("BATON_RELOAD_SIGNAL", "HUPP", "not a signal"),
        ("BATON_LISTEN", "tcp://example.com:80", "not a numeric address"), ("BATON_LISTEN", "tcp://1.2.3.4", "port"),
        ("BATON_LISTEN", "tcp://1.2.3.4:70000", "port"), ("BATON_LISTEN", "tcp://1.2.3:80", "not a numeric address"),
        ("BATON_LISTEN", "tcp://[zz]:80", "not an IPv6"), ("BATON_LISTEN", "unix://run/x", "begins with /"),
        ("BATON_LISTEN", "a:b=tcp://1.2.3.4:80", "does not begin with"),
        ("BATON_LISTEN", "tcp://:80,tcp://*:80", "listed twice"),
        ("BATON_LISTEN", "unix:///" + String(repeating: "x", count: 120), "107 bytes"),
        ("BATON_ADOPT", "maybe", "not one of the allowed values"),
        ("BATON_ADOPT_EXCEPT", "host:1", "is not a numeric address"),
        ("BATON_STEER", "yes", "not one of the allowed values"),
        ("BATON_LISTEN", "udp://:80?nonblock", "cannot be used with"),
        ("BATON_LISTEN", "tcp://:80?fast", "is not a socket option"),
        ("BATON_READY", "http:healthz", "begins with /"), ("BATON_READY", "http:/healthz", "but Baton holds none"),
        ("BATON_READY", "tcp", "but Baton holds none"),
        ("BATON_READY", "fd:2", "3 to 1023"), ("BATON_READY", "exec:'x", "unclosed"),
        ("BATON_READY", "exec:", "command is empty"),
        ("BATON_READY", "soon", "not one of the allowed values"), ("BATON_MAX_DRAINING", "0", "1 to 100"),
        ("BATON_EXIT_OK", "0,256", "0 to 255"), ("BATON_SIGNAL_MAP", "TERM", "no ="),
        ("BATON_SIGNAL_MAP", "KILL=TERM", "never"),
        ("BATON_SIGNAL_MAP", "TERM=QUIT,TERM=INT", "mapped twice"), ("BATON_SIGNAL_MAP", "TERM=FOO", "not a signal"),
        ("BATON_USER", ":x", "not of the form"), ("BATON_USER", "a:b:c", "not of the form"),
        ("BATON_USER", "a:", "no group"),
        ("BATON_SUBPATH", "copy", "not one of the allowed values"),
        ("BATON_LOG", "xml", "not one of the allowed values"),
        ("BATON_NO_NEW_PRIVS", "maybe", "neither on nor off"), ("BATON_PARENT_DEATH_SIGNAL", "99", "not a signal"),
    ])
    func badValuesAreRefusedWithAReason(_ name: String, _ value: String, _ words: String) {
        let told = problem(name, value)
        #expect(told?.hasPrefix("\(name): ") == true && told?.contains(words) == true, "\(told ?? "no single problem")")
    }

    @Test func sourcesThatOnlyLookAlikeAreTwo() {
        let (settings, problems) = parse([
            "BATON_WATCH": "/etc/\u{e9},/etc/e\u{301}", "BATON_ENV_FROM": "/etc/e\u{301}", "BATON_STAGE_FILES": "on",
        ])
        #expect(problems.isEmpty && settings.sources.count == 2)
        #expect(
            settings.sources.map { Path($0.stagePath) } == [Path("files/etc/\u{e9}"), Path("files/etc/e\u{301}")])
    }

    @Test func valuesAreRead() throws {
        let (settings, problems) = parse([
            "BATON_WATCH": "/etc/app, /etc/tls/tls.crt,./x",
            "BATON_LISTEN":
                "http=tcp://[::]:80,unix:///run/a.sock,dns=udp://127.0.0.1:53,unix://@abc,tcp://:81?defer_accept&nonblock,unix:///b?nonblock",
            "BATON_SIGNAL_MAP": "TERM=QUIT,HUP=,10=HUP,RTMIN+1=USR2", "BATON_EXIT_OK": "143, 0",
            "BATON_READY": "exec:curl -f 'http://a b'", "BATON_SETTLE": "0", "BATON_POLL_INTERVAL": "1.5s",
            "BATON_USER": "app:web,12", "BATON_SPLAY": "", "BATON_NO_NEW_PRIVS": "on",
        ])
        #expect(problems.isEmpty)
        #expect(settings.watch == [.path("/etc/app"), .path("/etc/tls/tls.crt"), .path("./x")])
        #expect(settings.listen.map(\.name) == ["http", "run/a.sock", "dns", "@abc", "*_81", "b"])
        #expect(
            settings.listen.map(\.endpoint) == [
                .tcp(.any, port: 80), .unix(path: "/run/a.sock"), .udp(.ipv4("127.0.0.1"), port: 53),
                .abstract(name: "abc"),
                .tcp(.any, port: 81), .unix(path: "/b"),
            ])
        #expect(
            settings.signalMap == [
                .terminate: .quit, .hangUp: nil, Signal(number: 10)!: .hangUp, Signal(number: 35)!: Signal(number: 12)!,
            ])
        #expect(settings.listen.map(\.options) == [[], [], [], [], [.deferAccept, .nonBlocking], [.nonBlocking]])
        let nginx = settings.listening(for: "/usr/sbin/nginx").listen.map { $0.options.contains(.nonBlocking) }
        #expect(nginx == [true, true, false, true, true, true] && settings.listening(for: "app") == settings)
        #expect(settings.exitOK == [0, 143])
        #expect(settings.ready == .command(["curl", "-f", "http://a b"]))
        #expect(settings.settle == .zero && settings.pollInterval == .milliseconds(1500))
        #expect(settings.user == UserName(user: "app", group: "web", supplementary: ["12"]))
        #expect(settings.splay == .zero && settings.noNewPrivileges)
    }

    @Test func aReadinessDescriptorMustNotCoverASocket() {
        let (_, problems) = parse(["BATON_LISTEN": "tcp://:80,tcp://:81", "BATON_READY": "fd:4"])
        #expect(
            problems.map(\.description) == [
                "BATON_READY: fd:4 is used by a socket of BATON_LISTEN; the first free descriptor is fd:5"
            ])
    }

    /// A service called `baton` or `baton-…` puts these into every container of its namespace.
    @Test(arguments: [
        "BATON_SERVICE_HOST", "BATON_SERVICE_PORT", "BATON_SERVICE_PORT_HTTP", "BATON_PORT", "BATON_PORT_80_TCP",
        "BATON_PORT_80_TCP_ADDR", "BATON_PORT_53_UDP_PROTO", "BATON_WEB_SERVICE_HOST", "BATON_WEB_PORT_8080_TCP_PORT",
        "BATON_GENERATION", "BATON_FD_HTTP",
    ])
    func whatOthersPutThereIsLeftAlone(_ name: String) { #expect(parse([name: "tcp://10.0.0.1:80"]).1.isEmpty) }
}
