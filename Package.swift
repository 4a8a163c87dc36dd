// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// In a release each function of Baton's is a section of its own, so that the linker can lay what a start uses side by side
// (symbols.order; ./Tests/layout writes it). The pages that a start maps are most of its time.
let ordered: [SwiftSetting] =
    strict + [.unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release))]
let orderedLink: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--no-rosegment", "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
            "--symbol-ordering-file=\(Context.packageDirectory)/Sources/baton/symbols.order",
        ], .when(platforms: [.linux], configuration: .release))
]

// What --version names: SOURCE_COMMIT where it is built without its history (an image), else what git says.
let commit =
    Context.environment["SOURCE_COMMIT"] ?? Context.gitInformation.map {
        String($0.currentCommit.prefix(12)) + ($0.hasUncommittedChanges ? "+changes" : "")
    } ?? "unknown"

let package = Package(
    name: "baton",
    products: [
        .executable(name: "baton", targets: ["baton"]),
        .executable(name: "baton-agent", targets: ["BatonAgent"]),
    ],
    dependencies: [
        // The agent's alone: PID 1 has none.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.24.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.29.0"),
        // For `swift package generate-documentation` alone.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        // The rooms, from the one that knows nobody to the one that knows all.
        .target(name: "BatonCore", swiftSettings: ordered),
        .target(name: "CBatonShims", dependencies: ["CLibcap"]),
        .target(
            name: "CBatonStart", dependencies: ["CBatonShims"],
            cSettings: [.define("BATON_COMMIT", to: "\"\(commit.filter { $0.isLetter || $0.isNumber || $0 == "+" })\"")]
        ),
        .systemLibrary(name: "CLibcap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(name: "CLibyaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .target(name: "BatonLinux", dependencies: ["BatonCore", "CBatonShims", "CLibcap"], swiftSettings: ordered),
        .target(name: "BatonWatch", dependencies: ["BatonCore", "BatonLinux"], swiftSettings: ordered),
        .target(name: "BatonLaunch", dependencies: ["BatonCore", "BatonLinux", "CBatonShims"], swiftSettings: ordered),
        .executableTarget(
            name: "baton",
            dependencies: ["BatonCore", "BatonLinux", "BatonWatch", "BatonLaunch", "CBatonShims", "CBatonStart"],
            exclude: ["symbols.order"], swiftSettings: ordered, linkerSettings: orderedLink),

        .target(
            name: "BatonAgentCore", dependencies: ["BatonCore", "CLibyaml"], swiftSettings: strict),
        .executableTarget(
            name: "BatonAgent",
            dependencies: [
                "BatonAgentCore", "BatonCore", "BatonLinux", "CBatonShims",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// What is not shipped. An image is built without it (Dockerfile), so that an edit here builds no image anew.
if Context.environment["BATON_WITHOUT_TESTS"] == nil {
    package.targets += [
        // What the tests and the quickstart share, and the programs that they put under Baton.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(name: "probe-app", path: "Tests/ProbeApp"),
        // The heart in a simulated world, and a program that runs it for as long as one likes.
        .target(name: "Simulation", dependencies: ["BatonCore"], path: "Tests/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "baton-simulate", dependencies: ["Simulation"], path: "Tests/Simulate", swiftSettings: strict),
        .executableTarget(
            name: "quickstart-server", path: "examples/quickstart/Server",
            swiftSettings: strict),
        .executableTarget(
            name: "quickstart", dependencies: ["TestSupport"], path: "examples/quickstart/Driver",
            swiftSettings: strict),

        .testTarget(name: "BatonCoreTests", dependencies: ["BatonCore", "Simulation"], swiftSettings: strict),
        .testTarget(
            name: "BatonLinuxTests", dependencies: ["BatonLinux", "BatonCore", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BatonWatchTests", dependencies: ["BatonWatch", "BatonCore", "BatonLinux", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "BatonLaunchTests", dependencies: ["BatonLaunch", "BatonCore", "BatonLinux", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "BatonAgentCoreTests", dependencies: ["BatonAgentCore", "BatonCore", "TestSupport"],
            exclude: ["Resources"], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["baton", "BatonCore", "TestSupport", "probe-app", "quickstart-server"],
            exclude: ["Resources"], swiftSettings: strict),
    ]
}

// Its main is libFuzzer's, so that it can be built with that alone: ./Tests/fuzz does.
if Context.environment["BATON_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "baton-fuzz", dependencies: ["BatonCore", "BatonLinux", "BatonAgentCore"], path: "Tests/Fuzz",
            exclude: ["corpus"], swiftSettings: strict))
}
