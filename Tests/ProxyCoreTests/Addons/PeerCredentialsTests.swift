import Glibc
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct PeerCredentialsTests {
    @Test func `the kernel says who is at the other end of a Unix socket`() async throws {
        try await Bench.run { bench in
            let (channel, _) = try await bench.channelPair()
            let peer = try #require(PeerCredentials(of: channel))
            #expect(peer.pid == getpid() && peer.uid == getuid())
            var groups = [gid_t](repeating: 0, count: 1024)
            let count = Int(getgroups(Int32(groups.count), &groups))
            #expect(peer.groups == Set(groups.prefix(count)).union([getgid()]))
        }
    }

    @Test func `of what is no socket nothing is known`() {
        #expect(PeerCredentials(of: EmbeddedChannel()) == nil)
    }

    @Test func `nor who is at the other end of a TCP connection`() async throws {
        try await Bench.run { bench in
            let server = try await bench.server()
            _ = try await bench.connect(to: server)
            #expect(PeerCredentials(of: try await server.accept().stream.channel) == nil)
        }
    }
}
