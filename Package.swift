// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "baton",
    products: [
        .executable(name: "baton", targets: ["baton"])
    ],
    targets: [
        // The rooms, from the one that knows nobody to the one that knows all.
        .target(name: "BatonCore", swiftSettings: strict),
        .target(name: "CBatonShims", dependencies: ["CLibcap"]),
        .target(name: "CBatonStart", dependencies: ["CBatonShims"]),
        .systemLibrary(name: "CLibcap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .target(name: "BatonLinux", dependencies: ["BatonCore", "CBatonShims", "CLibcap"], swiftSettings: strict),
        .target(name: "BatonWatch", dependencies: ["BatonCore", "BatonLinux"], swiftSettings: strict),
        .target(name: "BatonLaunch", dependencies: ["BatonCore", "BatonLinux", "CBatonShims"], swiftSettings: strict),
        .executableTarget(
            name: "baton",
            dependencies: ["BatonCore", "BatonLinux", "BatonWatch", "BatonLaunch", "CBatonShims", "CBatonStart"],
            swiftSettings: strict),

        // What the tests and the quickstart share, and the programs that they put under Baton.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .executableTarget(name: "probe-app", path: "Tests/ProbeApp"),
        .executableTarget(
            name: "quickstart-server", path: "examples/quickstart/Server",
            swiftSettings: strict),
        .executableTarget(
            name: "quickstart", dependencies: ["TestSupport"], path: "examples/quickstart/Driver",
            swiftSettings: strict),

        .testTarget(name: "BatonCoreTests", dependencies: ["BatonCore"], swiftSettings: strict),
        .testTarget(
            name: "BatonLinuxTests", dependencies: ["BatonLinux", "BatonCore", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BatonWatchTests", dependencies: ["BatonWatch", "BatonCore", "BatonLinux", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "BatonLaunchTests", dependencies: ["BatonLaunch", "BatonCore", "BatonLinux", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["baton", "BatonCore", "TestSupport", "probe-app", "quickstart-server"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
