import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

struct LogTests {
    @Test func `verbosity decides what stderr shows`() throws {
        let output = try outputs { writer in
            let log = Log(verbosity: .alert, writer: writer)
            log.debug("d")
            log.info("i")
            log.alert("a")
            log.warn("cannot read \u{1b}[2Jthe list\nof hosts", source: "addon:blocklist", flow: "f1")
            log.error("e")
            log.setVerbosity(.error)
            log.warn("w")
        }
        let lines = output.stderr.split(separator: "\n").map { $0.replacing(#/^\d\d:\d\d:\d\d /#, with: "") }
        #expect(
            lines == ["alert a", #"warn  addon blocklist: cannot read \x1b[2Jthe list\nof hosts"#, "error e"]
        )
        #expect(output.stdout.isEmpty)
    }

    @Test func `the sink gets its own level`() throws {
        let entries = Mutex<[LogEntry]>([])
        _ = try outputs { writer in
            let log = Log(verbosity: .error, writer: writer)
            log.setSink { entry in entries.withLock { $0.append(entry) } }
            log.debug("d")
            log.info("i", source: "addon:a", flow: "f1")
            log.setSink(nil)
            log.error("e")
        }
        let seen = entries.withLock { $0 }
        #expect(seen.map(\.msg) == ["i"])
        #expect(seen.first?.source == "addon:a")
        #expect(seen.first?.flow == "f1")
    }
}
