import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The program of the inspector is built beside the tests.
struct BundledInspectorTests {
    private func inspector(_ change: (inout Options) -> Void = { _ in }) throws -> BundledInspector {
        try BundledInspector(
            .with {
                $0.webListen = HostPort(host: "127.0.0.1", port: 0)
                change(&$0)
            }
        )
    }

    @Test func `its port and the token of its page are chosen before it runs, and known to its process alone`() throws {
        let inspector = try inspector()
        let address = try #require(
            inspector.address.wholeMatch(of: #/http://(127\.0\.0\.1:\d+)/\?token=([0-9a-f]{32})/#)
        )
        #expect(inspector.spec.environment == [BundledInspector.tokenVariable: String(address.2)])
        #expect(inspector.spec.command.contains("/proxyd-inspector' '--listen=\(address.1)'"))
        #expect(!inspector.spec.command.contains(address.2) && !address.1.hasSuffix(":0"))
        #expect(inspector.spec.name == "inspector" && inspector.spec.onFailure == .open)
    }

    @Test func `it is told of its store, and of what it may do`() throws {
        let plain = try inspector().spec.command
        #expect(!plain.contains("--store=") && !plain.contains("--read-only"))
        let told = try inspector {
            $0.webStore = UserPath("/tmp/store")
            ($0.webStoreLimit, $0.webReadOnly) = (64 << 20, true)
        }
        #expect(told.spec.command.hasSuffix(" '--store=/tmp/store' '--store-limit=65536k' '--read-only'"))
    }

    @Test func `two of them have two ports and two tokens`() throws {
        let (one, other) = (try inspector(), try inspector())
        #expect(one.address != other.address && one.spec.environment != other.spec.environment)
    }
}
