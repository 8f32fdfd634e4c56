import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonAdmissionTests {
    /// A user that is neither root nor the one that runs the tests.
    private static let other = getuid() == 65_534 ? UInt32(65_533) : 65_534

    private func admission(_ change: (inout Options) -> Void = { _ in }) throws -> AddonAdmission {
        try AddonAdmission(.with(change))
    }

    private func peer(_ uid: UInt32, groups: Set<UInt32> = []) -> PeerCredentials {
        PeerCredentials(pid: 1, uid: uid, groups: groups)
    }

    @Test func `the daemon's user and root may come, and nobody else`() throws {
        let admission = try admission()
        for uid in [getuid(), 0] {
            if case .free = admission.entry(of: peer(uid)) {} else { Issue.record("\(uid) may not come") }
        }
        #expect(admission.entry(of: peer(Self.other, groups: [getgid()])) == nil)
        #expect(!admission.isOpenToUsers)
    }

    @Test func `users that the option names may come, for whom the socket is open`() throws {
        let admission = try admission { $0.addonUIDs = [Int(Self.other)] }
        if case .free = admission.entry(of: peer(Self.other)) {} else { Issue.record("it may not come") }
        #expect(admission.isOpenToUsers)
        #expect(try !self.admission { $0.addonUIDs = [Int(getuid())] }.isOpenToUsers)
    }

    @Test func `members of the group may come, by its number or name`() throws {
        let admission = try admission { $0.addonGroup = "65530" }
        if case .free = admission.entry(of: peer(Self.other, groups: [1, 65_530])) {
        } else {
            Issue.record("it may not come")
        }
        #expect(admission.entry(of: peer(Self.other, groups: [1])) == nil && !admission.isOpenToUsers)
        #expect(try self.admission { $0.addonGroup = "root" }.group == 0)
        #expect(throws: StartError.self) { try self.admission { $0.addonGroup = "no such group" } }
    }

    @Test func `an addon's own user comes with a token alone`() throws {
        try #require(getuid() == 0, "only root runs addons as others")
        var spec = AddonSpec(name: "a", command: "run")
        spec.user = "\(Self.other)"
        guard (try? SystemUser("\(Self.other)")) != nil else { return }
        let admission = try admission { $0.addons = [spec] }
        if case .withToken = admission.entry(of: peer(Self.other)) {} else { Issue.record("it comes without") }
        #expect(admission.isOpenToUsers)
    }

    @Test func `a user that is not there is an error of the addon's entry`() throws {
        var spec = AddonSpec(name: "shop", command: "run")
        spec.user = "no such user"
        let error = #expect(throws: StartError.self) { try admission { $0.addons = [spec] } }
        #expect(error.map { "\($0)" }?.contains("cannot start addon shop: there is no user no such user") == true)
    }
}
