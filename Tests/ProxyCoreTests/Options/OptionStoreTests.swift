import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Changes of a running daemon's options.
struct OptionStoreTests {
    @Test func `a change is told by its name, and only what differs`() throws {
        let (options, updated) = try Options().applying([
            "timeout_ms": 100, "flow_detail": 0, "max_queue": 1024, "body_size_limit": "1m",
        ])
        #expect(updated == ["body_size_limit", "flow_detail", "timeout_ms"])
        #expect(options.timeoutMs == 100)
        #expect(options.flowDetail == 0)
        #expect(options.bodySizeLimit == 1 << 20)
    }

    @Test func `one bad change of several changes nothing`() throws {
        let store = OptionStore(Options())
        let expected = OptionError(
            option: "flow_detail",
            reason: .notAllowed(found: 9, allowed: "a whole number from 0 to 4")
        )
        #expect(throws: expected) { try store.apply(["connect_timeout": 3, "flow_detail": 9]) }
        #expect(store.current == Options())
    }

    @Test(
        arguments: [
            "confdir", "require_ca", "addon_socket", "addon_uids", "addon_group", "threads", "bind_threads", "web",
            "web_listen",
            "web_store", "web_store_limit", "web_read_only", "log_file",
        ]
    )
    func `what is read at start is refused later`(name: String) {
        let error = #expect(throws: OptionError.self) { try Options().applying([name: "x"]) }
        #expect(error?.description == "option \(name) can only be set at start, not while the daemon runs")
    }

    @Test(
        arguments: [
            (.string("5"), #""5""#), (.number(5.5), "5.5"), (.null, "null"), (.bool(true), "true"),
            (.array([.integer(1)]), "[1]"), (.object([]), "{}"),
        ] as [(JSONValue, String)]
    )
    func `JSON of the wrong type is refused`(value: JSONValue, text: String) {
        let error = #expect(throws: OptionError.self) { try Options().applying(["drain_timeout": value]) }
        #expect(
            error?.description
                == "option drain_timeout: \(text) is not allowed; allowed is a whole number of seconds from 0 to 3600"
        )
    }

    @Test func `options that contradict one another are refused`() {
        let error = #expect(throws: OptionError.self) { try Options().applying(["max_timeout_ms": 10]) }
        #expect(error?.description == "option timeout_ms: 5000 is more than max_timeout_ms, which is 10")
    }

    @Test func `a veto takes back its change and no other`() throws {
        let store = OptionStore(Options())
        let change = try store.apply(["timeout_ms": 10])
        #expect(change.updated == ["timeout_ms"])
        #expect(store.current.timeoutMs == 10)
        _ = try store.apply(["flow_detail": 0])
        store.restore(change.updated, from: change.former)
        #expect(store.current.timeoutMs == 5_000)
        #expect(store.current.flowDetail == 0)
    }
}
