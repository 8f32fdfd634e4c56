import AddonProtocol
import Foundation
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A config file's text, and the resulting options or error line.
final class ConfigFileTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "proxyd-options-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func load(_ yaml: String, set: [String] = [], addons: [String] = []) throws -> Options {
        try yaml.write(toFile: folder + "/config.yaml", atomically: false, encoding: .utf8)
        var sources = OptionSources()
        sources.flags = [("confdir", "--confdir", folder)]
        sources.set = set
        sources.addons = addons
        return try sources.load()
    }

    private func errorLine(_ yaml: String) throws -> String? {
        do {
            _ = try load(yaml)
            return nil
        } catch let error as OptionError {
            return error.description.replacingOccurrences(of: folder + "/", with: "")
        }
    }

    @Test func `the file in the confdir is read`() throws {
        let options = try load(
            """
            # comment
            threads: 4
            ssl_insecure: yes
            body_size_limit: 10m
            frame_size_limit: 1048576
            addon_uids: [1000, 1001]
            ssl_verify_upstream_trusted_ca: ~
            tls_version_server_min: "TLS1_3"
            addons:
              plain: python3 a.py
              full: {command: python3 b.py, on_failure: closed, timeout_ms: 250}
            """
        )
        #expect(options.threads == 4)
        #expect(options.sslInsecure)
        #expect(options.bodySizeLimit == 10 << 20)
        #expect(options.frameSizeLimit == 1 << 20)
        #expect(options.addonUIDs == [1_000, 1_001])
        #expect(options.sslVerifyUpstreamTrustedCA == nil)
        #expect(options.tlsVersionServerMin == .tls1_3)
        #expect(
            options.addons == [
                AddonSpec(name: "plain", command: "python3 a.py"),
                AddonSpec(name: "full", command: "python3 b.py", onFailure: .closed, timeoutMs: 250),
            ]
        )
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "~"])
    func `an empty file means the defaults`(yaml: String) throws {
        var expected = Options()
        expected.confdir = UserPath(folder)
        #expect(try load(yaml) == expected)
    }

    @Test func `the command line is stronger than the file`() throws {
        let yaml = """
            threads: 4
            max_queue: 7
            addons: {a: from file, b: kept}
            """
        let options = try load(yaml, set: ["threads=1"], addons: ["a=from flag"])
        #expect(options.threads == 1)
        #expect(options.maxQueue == 7)
        #expect(options.addons.map(\.command) == ["kept", "from flag"])
    }

    @Test(arguments: [
        (
            "listen: 127.0.0.1:0\nthreds: 1\n",
            #"config.yaml:2: unknown option "threds"; did you mean threads?"#
        ),
        (
            "\nthreads: many",
            #"config.yaml:2: option threads: "many" is not allowed; allowed is a whole number from 0 to 256"#
        ),
        (
            "threads: [1]",
            "config.yaml:1: option threads: [1] is not allowed; allowed is a whole number from 0 to 256"
        ),
        (
            "threads: 1.5",
            "config.yaml:1: option threads: 1.5 is not allowed; allowed is a whole number from 0 to 256"
        ),
        (
            "ssl_insecure: 'true'",
            #"config.yaml:1: option ssl_insecure: "true" is not allowed; allowed is true or false"#
        ),
        (
            "confdir: ~",
            "config.yaml:1: option confdir: null is not allowed; allowed is a path"
        ),
        (
            "threads: 1\nthreads: 2",
            "config.yaml:1: set twice: threads"
        ),
        (
            "threads: 1\n- a",
            "config.yaml:2: YAML syntax: did not find expected key"
        ),
        (
            "listen: 'a\nthreads: 1\n",
            "config.yaml:3: YAML syntax: found unexpected end of stream"
        ),
        (
            "- threads",
            "config.yaml:1: expected a mapping of option names to values"
        ),
        (
            "? [a]\n: 1",
            "config.yaml:1: expected a name before the colon"
        ),
        (
            "threads: 99999999999999999999",
            "config.yaml:1: option threads: 1e+20 is not allowed; allowed is a whole number from 0 to 256"
        ),
    ])
    func `an error names the file and the line`(yaml: String, line: String) throws {
        #expect(try errorLine(yaml) == line)
    }

    @Test(arguments: [
        ("a: 1", #"addon "a": command: 1 is not allowed; allowed is a command for /bin/sh"#),
        ("a: {comand: x}", #"addon "a": there is no key "comand"; did you mean command?"#),
        (
            "a: {command: x, on_failure: maybe}",
            #"addon "a": on_failure: "maybe" is not allowed; allowed is open or closed"#
        ),
        (
            "a: {command: x, timeout_ms: 0}",
            #"addon "a": timeout_ms: 0 is not allowed; allowed is 1 to 3600000, or null"#
        ),
        ("a: {command: ''}", #"addon "a": command: "" is not allowed; allowed is a command for /bin/sh"#),
        ("a: {on_failure: open}", #"addon "a": the command is missing"#),
        ("'a b': x", #"addon "a b" is not a name; allowed are 1 to 64 letters, digits, '.', '_' and '-'"#),
        ("good: x\n  bad: {command: y, redct: a}", #"addon "bad": there is no key "redct"; did you mean redact?"#),
        (
            "a: {command: x, limits: {memory: 1}}",
            #"addon "a": limits: {memory: 1} is not allowed; allowed is \#(AddonSpec.ResourceLimits.allowed)"#
        ),
    ])
    func `what is wrong with an addon is named`(yaml: String, fault: String) throws {
        #expect(try errorLine("addons:\n  " + yaml) == "config.yaml:1: option addons: \(fault)")
    }

    @Test(arguments: ["addons: 7", "addons: [7]"])
    func `addons that are no mapping are refused`(yaml: String) throws {
        let line = try #require(try errorLine(yaml))
        #expect(line.hasSuffix(" is not allowed; allowed is \(AddonSpec.allowed)"))
    }

    @Test func `a single text stands for the list of it`() throws {
        let options = try load(
            """
            ignore_hosts: example.com
            addon_uids: 1000
            addons:
              a: {command: x, redact: cookie}
            """
        )
        #expect(options.ignoreHosts.map(\.text) == ["example.com"] && options.addonUIDs == [1_000])
        #expect(options.addons.map(\.redact) == [["cookie"]])
    }

    @Test(arguments: ["addons: a=x", "addons: [a=x]"])
    func `addons may be written as on the command line`(yaml: String) throws {
        #expect(try load(yaml).addons == [AddonSpec(name: "a", command: "x")])
    }

    @Test(arguments: ["1:30", "66:666766666666666626:660"])
    func `numbers to the base of 60 are text`(text: String) throws {
        #expect(try errorLine("tcp_timeout: \(text)")?.contains(text) == true)
        let options = try load("confdir: \(folder)\nviewer: \(text)", addons: ["a=b"])
        #expect(options.deferred.first?.value == .json(.string(text)))
    }

    @Test func `a file that was named must be there`() {
        var sources = OptionSources()
        sources.configFile = folder + "/missing.yaml"
        let expected = OptionError(
            reason: .other("cannot open: No such file or directory"),
            origin: folder + "/missing.yaml"
        )
        #expect(throws: expected) { try sources.load() }
    }

    @Test func `aliases of aliases do not fill the memory`() throws {
        let bomb = (1...12).map { level in
            "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]"
        }
        let yaml = (["a0: &a0 x"] + bomb).joined(separator: "\n")
        #expect(try errorLine(yaml)?.hasSuffix("more than 10000 values") == true)
    }

    @Test func `deep nesting is an error, not a crash`() throws {
        let line = try errorLine("threads: " + String(repeating: "[", count: 200_000))
        #expect(line?.hasPrefix("config.yaml:1: ") == true)
    }
}
