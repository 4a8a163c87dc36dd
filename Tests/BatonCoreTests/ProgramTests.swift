import Testing

@testable import BatonCore

/// What Baton recognises a process as, from what /proc shows of it.
@Suite struct ProgramTests {
    private struct Case {
        let executable: String?
        let line: [String]
        var isGo = false
        var hasJVM = false
        let runtime: Program.Runtime
        let name: String
        var reloads = false
    }

    private static let cases: [Case] = [
        // Machine code.
        Case(
            executable: "/usr/sbin/nginx", line: ["nginx: master process nginx -g daemon off;"], runtime: .native,
            name: "nginx"),
        Case(executable: "/usr/sbin/nginx (deleted)", line: ["nginx"], runtime: .native, name: "nginx"),
        Case(
            executable: "/usr/sbin/php-fpm8.2", line: ["php-fpm: master process"], runtime: .native, name: "php-fpm8.2"),
        Case(executable: nil, line: ["redis-server *:6379"], runtime: .native, name: "redis-server"),
        Case(executable: nil, line: [], runtime: .native, name: ""),
        // Go.
        Case(executable: "/usr/bin/etcd", line: ["etcd"], isGo: true, runtime: .go, name: "etcd"),
        Case(
            executable: "/bin/prometheus", line: ["/bin/prometheus"], isGo: true, runtime: .go, name: "prometheus",
            reloads: true),
        Case(
            executable: "/usr/bin/prometheus-alertmanager", line: ["x"], isGo: true, runtime: .go,
            name: "prometheus-alertmanager", reloads: true),
        Case(
            executable: "/nats-server", line: ["/nats-server"], isGo: true, runtime: .go, name: "nats-server",
            reloads: true),
        // A file of that name which is not Go's is no evidence of anything.
        Case(executable: "/opt/prometheus", line: ["prometheus"], runtime: .native, name: "prometheus"),
        // JVMs, also where the launcher has another name.
        Case(
            executable: "/usr/lib/jvm/java-17/bin/java", line: ["java", "-jar", "a.jar"], runtime: .jvm, name: "java"),
        Case(executable: "/opt/app/bin/app", line: ["app"], hasJVM: true, runtime: .jvm, name: "app"),
        // Ruby.
        Case(
            executable: "/usr/bin/ruby3.1", line: ["puma 5.6.5 (tcp://0.0.0.0:9292) [app]"], runtime: .ruby,
            name: "puma"),
        Case(executable: "/usr/bin/ruby", line: ["ruby", "-run", "-e", "httpd"], runtime: .ruby, name: "httpd"),
        Case(
            executable: "/usr/bin/ruby3.1", line: ["unicorn master -c /etc/u.rb"], runtime: .ruby, name: "unicorn",
            reloads: true),
        Case(
            executable: "/usr/bin/ruby3.1", line: ["/usr/bin/ruby3.1", "/usr/bin/unicorn", "-c/etc/u.rb"],
            runtime: .ruby,
            name: "unicorn", reloads: true),
        Case(
            executable: "/usr/bin/ruby3.1", line: ["unicorn master --config-file=/etc/u.rb"], runtime: .ruby,
            name: "unicorn",
            reloads: true),
        Case(executable: "/usr/bin/ruby3.1", line: ["unicorn master -l 8080"], runtime: .ruby, name: "unicorn"),
        // PHP's command line.
        Case(executable: "/usr/bin/php8.2", line: ["php", "-S", "0.0.0.0:80"], runtime: .php, name: "php8.2"),
        Case(executable: "/usr/local/bin/php", line: ["php", "artisan", "serve"], runtime: .php, name: "php"),
        // Shells, by their own name and as one of many programs of a file.
        Case(executable: "/usr/bin/dash", line: ["/bin/sh", "/entrypoint.sh"], runtime: .shell, name: "dash"),
        Case(executable: "/bin/busybox", line: ["sh", "-c", "x"], runtime: .shell, name: "sh"),
        Case(executable: "/bin/busybox", line: ["/bin/busybox", "ash"], runtime: .shell, name: "ash"),
        Case(executable: "/bin/busybox", line: ["httpd", "-f"], runtime: .native, name: "httpd"),
        // Wrappers, of machine code and of interpreters.
        Case(executable: "/usr/bin/dumb-init", line: ["dumb-init", "srv"], runtime: .wrapper, name: "dumb-init"),
        Case(executable: "/usr/bin/runsvdir", line: ["runsvdir", "/etc/service"], runtime: .wrapper, name: "runsvdir"),
        Case(executable: "/usr/bin/node", line: ["npm start"], runtime: .wrapper, name: "npm"),
        Case(
            executable: "/usr/bin/node", line: ["node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "start"],
            runtime: .wrapper, name: "npm-cli"),
        Case(
            executable: "/usr/bin/node", line: ["node", "-r", "./a.js", "/app/.yarn/releases/yarn-4.1.0.cjs", "start"],
            runtime: .wrapper, name: "yarn"),
        Case(
            executable: "/usr/bin/python3.11", line: ["/usr/bin/python3", "/usr/bin/supervisord", "-n"],
            runtime: .wrapper,
            name: "supervisord"),
        Case(
            executable: "/usr/bin/python3.11", line: ["python3", "-m", "honcho", "start"], runtime: .wrapper,
            name: "honcho"),
        // Interpreters that catch nothing by themselves.
        Case(executable: "/usr/bin/node", line: ["node", "--inspect", "server.js"], runtime: .native, name: "server"),
        Case(
            executable: "/usr/bin/python3.11", line: ["gunicorn: master [app:app]"], runtime: .native, name: "gunicorn"),
        Case(executable: "/usr/bin/python3.11", line: ["python", "-m", "http.server"], runtime: .native, name: "http"),
        Case(executable: "/usr/bin/perl", line: ["starman master"], runtime: .native, name: "starman"),
        // Loaders and emulators.
        Case(
            executable: "/lib64/ld-linux-x86-64.so.2", line: ["ld", "--library-path", "/x", "/opt/app"], isGo: false,
            runtime: .native, name: "app"),
        Case(
            executable: "/usr/bin/qemu-aarch64-static", line: ["/app"], runtime: .emulator, name: "qemu-aarch64-static"),
    ]

    @Test func eachIsRecognised() {
        for one in Self.cases {
            let program = Program(
                recognising: .init(executable: one.executable, words: one.line, isGo: one.isGo, hasJVM: one.hasJVM))
            #expect(
                program.runtime == one.runtime && program.name == one.name && program.reloadsAtHangUp == one.reloads,
                "\(one): \(program)")
            #expect((program.foreignHandler == nil) == (one.runtime == .native || one.reloads), "\(one)")
        }
    }
}
