import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The sources of options at the start, and the resulting options or error line.
struct OptionSourcesTests {
    private func load(set: [String] = [], listen: String? = nil, addons: [String] = []) throws(OptionError) -> Options {
        var sources = OptionSources()
        sources.set = ["confdir=/nonexistent"] + set
        sources.flags = listen.map { [("listen", "--listen", $0)] } ?? []
        sources.addons = addons
        return try sources.load()
    }

    private func errorLine(set: [String] = [], listen: String? = nil, addons: [String] = []) -> String? {
        do {
            _ = try load(set: set, listen: listen, addons: addons)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `nothing given means the defaults`() throws {
        var expected = Options()
        expected.confdir = UserPath("/nonexistent")
        #expect(try load() == expected)
    }

    @Test func `set reads each type`() throws {
        let options = try load(set: [
            "threads=2", "ssl_insecure=true", "upstream_cert=false", "body_size_limit=1m", "frame_size_limit=65536",
            "ssl_verify_upstream_trusted_ca=/a=b.pem", "tls_version_client_min=TLS1_3", "addon_uids=1000",
            "addon_uids=1001", "termlog_verbosity=debug", "listen=[::1]:0",
        ])
        #expect(options.threads == 2)
        #expect(options.sslInsecure)
        #expect(!options.upstreamCert)
        #expect(options.bodySizeLimit == 1_048_576)
        #expect(options.frameSizeLimit == 65_536)
        #expect(options.sslVerifyUpstreamTrustedCA?.path == "/a=b.pem")
        #expect(options.tlsVersionClientMin == .tls1_3)
        #expect(options.addonUIDs == [1_000, 1_001])
        #expect(options.termlogVerbosity == .debug)
        #expect(options.listen == HostPort(host: "::1", port: 0))
    }

    @Test func `of two texts for a scalar the last wins, and an empty text takes an optional away`() throws {
        let options = try load(set: ["threads=2", "threads=3", "body_size_limit=1m", "body_size_limit=", "addon_uids="])
        #expect(options.threads == 3)
        #expect(options.bodySizeLimit == nil)
        #expect(options.addonUIDs == [])
    }

    @Test(arguments: [
        ("thread=1", #"--set: unknown option "thread"; did you mean threads or bind_threads?"#),
        ("frobnicate!=1", #"--set: unknown option "frobnicate!""#),
        ("threads=many", #"--set: option threads: "many" is not allowed; allowed is a whole number from 0 to 256"#),
        ("threads=-1", #"--set: option threads: -1 is not allowed; allowed is a whole number from 0 to 256"#),
        ("ssl_insecure=yes", #"--set: option ssl_insecure: "yes" is not allowed; allowed is true or false"#),
        (
            "head_size_limit=1",
            #"--set: option head_size_limit: "1" is not allowed; allowed is a size from 1k to 16m, such as 512, 64k or 1m"#
        ),
        (
            "tls_version_client_min=1.2",
            """
            --set: option tls_version_client_min: "1.2" is not allowed; \
            allowed is one of UNBOUNDED, SSL3, TLS1, TLS1_1, TLS1_2, TLS1_3
            """
        ),
        (
            "addon_uids=me",
            #"--set: option addon_uids: ["me"] is not allowed; allowed is a list of whole numbers from 0 to 4294967295"#
        ),
        ("threads", #"--set: "threads" is not allowed; allowed is NAME=VALUE"#),
        ("=1", #"--set: "=1" is not allowed; allowed is NAME=VALUE"#),
        ("timeout_ms=70000", "option timeout_ms: 70000 is more than max_timeout_ms, which is 60000"),
        ("con\u{1b}[31m=1", #"--set: unknown option "con\x1b[31m""#),
    ])
    func `an error names the option, the value and what is allowed`(text: String, line: String) {
        #expect(errorLine(set: [text]) == line)
    }

    @Test func `what may be an addon's option is kept for it`() throws {
        let options = try load(set: ["blocklist_file=a", "blocklist_file=b"], addons: ["blocklist=true"])
        #expect(
            options.deferred == [
                DeferredOption(name: "blocklist_file", value: .texts(["a", "b"]), origin: "--set")
            ]
        )
    }

    @Test func `an unknown option is an error when no addon is started that could declare it`() {
        #expect(errorLine(set: ["blocklist_file=a"]) == #"--set: unknown option "blocklist_file""#)
    }

    @Test func `an error of a flag names the flag`() {
        #expect(
            errorLine(listen: "8080") == """
                --listen: option listen: "8080" is not allowed; \
                allowed is HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080
                """
        )
    }

    @Test func `addons keep everything after the first equals sign`() throws {
        let options = try load(addons: ["a=X=1 python3 a.py --b=c", "b.2-x_y=true"])
        #expect(
            options.addons == [
                AddonSpec(name: "a", command: "X=1 python3 a.py --b=c"), AddonSpec(name: "b.2-x_y", command: "true"),
            ]
        )
    }

    @Test(arguments: ["a", "=true", "a=", "a= ", "a b=true", "ä=true"])
    func `a malformed addon is refused`(text: String) {
        #expect(
            errorLine(addons: [text]) == """
                --addon: "\(text)" is not allowed; \
                allowed is NAME=COMMAND or NAME*PROCESSES=COMMAND, \
                with a NAME of at most 64 letters, digits, '.', '_' or '-' and 1 to 64 PROCESSES
                """
        )
    }
}
