// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    // Users who only run proxyd make a release build, which a newer compiler's warnings do not break.
    .treatAllWarnings(as: .error, .when(configuration: .debug)),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// With link-time optimisation (Scripts/build.sh), the inspector is linked without being optimised again, since no traffic
/// waits for it, and the optimisation would take longer than compiling it.
let fastLinking: [LinkerSetting] =
    Context.environment["PROXYD_LTO"] == nil ? [] : [.unsafeFlags(["-Xlinker", "--lto-O0"])]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
    name: "proxyd",
    products: [
        .executable(name: "proxyd", targets: ["proxyd"]),
        .executable(name: "proxyd-inspector", targets: ["proxyd-inspector"]),
        .library(name: "AddonSDK", targets: ["AddonSDK"]),
        .library(name: "AddonSDKTesting", targets: ["AddonSDKTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenSSL",
            path: "Sources/COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]
        ),
        .systemLibrary(
            name: "CJansson",
            path: "Sources/CJansson",
            pkgConfig: "jansson",
            providers: [.apt(["libjansson-dev"])]
        ),
        .systemLibrary(
            name: "CCrypt",
            path: "Sources/CCrypt",
            providers: [.apt(["libcrypt-dev"])]
        ),
        .systemLibrary(
            name: "CZlib",
            path: "Sources/CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]
        ),
        .systemLibrary(
            name: "CBrotli",
            path: "Sources/CBrotli",
            pkgConfig: "libbrotlienc",
            providers: [.apt(["libbrotli-dev"])]
        ),
        .systemLibrary(
            name: "CZstd",
            path: "Sources/CZstd",
            pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"])]
        ),
        .systemLibrary(name: "CMalloc", path: "Sources/CMalloc"),
        .target(
            name: "CRE2",
            path: "Sources/CRE2",
            linkerSettings: [.linkedLibrary("re2")]
        ),
        .target(
            name: "AddonProtocol",
            dependencies: ["CJansson"],
            path: "Sources/AddonProtocol",
            swiftSettings: settings
        ),
        .target(
            name: "ProxyTLS",
            dependencies: ["COpenSSL", .product(name: "NIOCore", package: "swift-nio")],
            path: "Sources/proxyd/TLS",
            swiftSettings: settings
        ),
        .target(
            name: "ProxyCodecs",
            dependencies: [
                "AddonProtocol", "ProxyTLS", "CZlib", "CBrotli", "CZstd",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Sources/proxyd/Codecs",
            swiftSettings: settings
        ),
        .target(
            name: "ProxyCore",
            dependencies: [
                "AddonProtocol", "ProxyCodecs", "ProxyTLS", "CCrypt", "CMalloc", "CRE2",
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "Yams", package: "Yams"),
            ] + nio,
            path: "Sources/proxyd/Core",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "proxyd",
            dependencies: [
                "AddonProtocol", "ProxyCore", "ProxyRules", "ProxyTools",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/proxyd/Main",
            swiftSettings: settings
        ),
        .target(
            name: "ProxyRules",
            dependencies: ["AddonProtocol", "AddonSDK", "ProxyCore", .product(name: "Yams", package: "Yams")],
            path: "Sources/proxyd-rules",
            swiftSettings: settings
        ),
        .target(
            name: "ProxyTools",
            dependencies: [
                "AddonProtocol", "AddonSDK", "ProxyCodecs", "ProxyCore", "ProxyRules", "ProxyTLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/proxyd/Tools",
            swiftSettings: settings
        ),
        .target(
            name: "InspectorCore",
            dependencies: [
                "AddonProtocol", "AddonSDK", "ProxyCore", "ProxyTools",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "FlyingFox", package: "FlyingFox"),
            ],
            path: "Sources/proxyd-inspector",
            exclude: ["Main"],
            sources: ["Core"],
            resources: [.copy("Page")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "proxyd-inspector",
            dependencies: [
                "InspectorCore", "ProxyCore", "ProxyTools",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/proxyd-inspector/Main",
            swiftSettings: settings,
            linkerSettings: fastLinking
        ),
        .target(
            name: "AddonSDK",
            dependencies: ["AddonProtocol"],
            path: "Sources/addon-sdk/swift",
            swiftSettings: settings
        ),
        .target(
            name: "AddonSDKTesting",
            dependencies: ["AddonSDK"],
            path: "Sources/addon-sdk/swift-testing",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "example-add-header",
            dependencies: ["AddonSDK"],
            path: "examples/swift/AddHeader",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "example-block-host",
            dependencies: ["AddonSDK"],
            path: "examples/swift/BlockHost",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-addon",
            dependencies: ["AddonSDK"],
            path: "Benchmarks/addons/BenchAddon",
            swiftSettings: settings
        ),
        // The functions that `make fuzz` and the tests call. It is empty in release builds, where the tests cannot see internals.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "AddonProtocol", "ProxyCodecs", "ProxyCore", "ProxyTLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
            ],
            path: "Tests/FuzzTargets",
            swiftSettings: settings
        ),
        .testTarget(
            name: "AddonProtocolTests",
            dependencies: ["AddonProtocol", "FuzzTargets"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ProxyTLSTests",
            dependencies: [
                "ProxyTLS", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ProxyCoreTests",
            dependencies: [
                "ProxyCodecs", "ProxyCore", "ProxyTLS", "AddonProtocol",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                "FuzzTargets",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ProxyRulesTests",
            dependencies: ["ProxyRules", "AddonProtocol"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ProxyToolsTests",
            dependencies: ["ProxyCodecs", "ProxyTools", "AddonProtocol"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "InspectorCoreTests",
            dependencies: [
                "InspectorCore", "AddonProtocol", "ProxyCore", .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "AddonSDKTests",
            dependencies: ["AddonSDK", "AddonSDKTesting", "AddonProtocol"],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// Only `make fuzz` builds it, since it needs libFuzzer.
if Context.environment["PROXYD_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: ["FuzzTargets"],
            path: "Tests/Fuzz",
            exclude: ["corpora", "findings"],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]
        )
    )
}
