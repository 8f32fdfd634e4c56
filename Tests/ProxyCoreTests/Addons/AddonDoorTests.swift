import Foundation
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonDoorTests {
    @Test func `who may come changes, and the socket is opened only where that is needed`() throws {
        let base = "/tmp/proxyd-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: base) }
        let (own, all) = (try AddonAdmission(Options()), try AddonAdmission(.with { $0.addonUIDs = [65_534, 65_533] }))
        let path = base + "/addon.sock"
        let (_, number) = try AddonSocketFile.make(path, for: all)
        defer { close(number) }
        let door = AddonDoor(path: path, all)
        try door.admit(own)
        #expect(door.admission.uids.isEmpty && mode(path) == 0o600)
        try door.admit(all)
        #expect(door.admission.uids == [65_534, 65_533] && mode(path) == 0o666)
        unlink(path)
        try door.admit(AddonAdmission(.with { $0.addonUIDs = [65_533] }))
        #expect(door.admission.uids == [65_533], "the file is as open as it was")
        #expect(throws: StartError.self) { try door.admit(own) }
        #expect(door.admission.uids == [65_533])
    }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }
}
