import Foundation
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Sockets in a folder of the test's own, which everybody may pass.
final class AddonSocketFileTests: Sendable {
    private let base: String
    private static let other = getuid() == 65_534 ? UInt32(65_533) : 65_534

    init() throws {
        base = "/tmp/proxyd-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: false)
        chmod(base, 0o755)
    }

    deinit { try? FileManager.default.removeItem(atPath: base) }

    private var path: String { base + "/own/addon.sock" }

    /// Makes the socket; its file and its number.
    @discardableResult
    private func make(
        _ path: String? = nil,
        uids: [UInt32] = [],
        group: String? = nil
    ) throws -> (AddonSocketFile, OwnedFile) {
        let admission = try AddonAdmission(
            .with {
                $0.addonUIDs = uids.map(Int.init)
                $0.addonGroup = group
            }
        )
        let (file, number) = try AddonSocketFile.make(path ?? self.path, for: admission)
        return (file, OwnedFile(number))
    }

    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    private func refusal(of path: String? = nil) -> String {
        do {
            try make(path)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func `only the daemon's user gets at the socket, if nobody else may come`() throws {
        let made = try make()
        #expect(mode(path) == 0o600 && mode(base + "/own") == 0o700)
        #expect(AddonSocketFile.isServed(path))
        withExtendedLifetime(made) {}
    }

    @Test func `it is open as far as others may come`() throws {
        _ = try make(uids: [Self.other])
        #expect(mode(path) == 0o666 && mode(base + "/own") == 0o711)
        let group = base + "/group/addon.sock"
        _ = try make(group, group: "\(getgid())")
        #expect(mode(group) == 0o660 && mode(base + "/group") == 0o710)
    }

    @Test func `whoever may come must be able to reach it`() throws {
        chmod(base, 0o700)
        let error = #expect(throws: StartError.self) { try make(uids: [Self.other]) }
        #expect(error.map { "\($0)" }?.hasSuffix("chmod o+x \(base)") == true)
    }

    @Test func `what a daemon that died has left is replaced, what one that lives has is not`() throws {
        var made: (AddonSocketFile, OwnedFile)? = try make()
        #expect(refusal() == "the addon socket \(path) is in use by a running daemon")
        made = nil
        #expect(mode(path) != nil && !AddonSocketFile.isServed(path))
        made = try make()
        #expect(AddonSocketFile.isServed(path))
        withExtendedLifetime(made) {}
    }

    @Test func `a file that is no socket is left alone`() throws {
        try FileManager.default.createDirectory(atPath: base + "/own", withIntermediateDirectories: false)
        chmod(base + "/own", 0o700)
        #expect(FileManager.default.createFile(atPath: path, contents: Data("x".utf8)))
        #expect(refusal().contains("exists, but is not a socket"))
        #expect(FileManager.default.contents(atPath: path) == Data("x".utf8))
        try FileManager.default.removeItem(atPath: path)
        symlink(base, path)
        #expect(refusal().contains("is a symbolic link"))
    }

    @Test func `a folder in which others could put another socket is refused`() throws {
        try FileManager.default.createDirectory(atPath: base + "/own", withIntermediateDirectories: false)
        chmod(base + "/own", 0o777)
        #expect(refusal().contains("is writable by others (mode 777)"))
        chmod(base + "/own", 0o755)
        symlink(base + "/own", base + "/link")
        #expect(refusal(of: base + "/link/addon.sock").contains("its folder \(base)/link is a symbolic link"))
        #expect(refusal(of: base + "/link//addon.sock").contains("its folder \(base)/link is a symbolic link"))
    }

    @Test func `a path that no address has room for is refused`() {
        let long = base + "/" + String(repeating: "x", count: 108)
        #expect(refusal(of: long).contains("the addon socket's path is too long"))
    }

    @Test func `it is opened to others, and closed to them, while it is served`() throws {
        let made = try make(uids: [Self.other])
        try AddonSocketFile.reopen(path, for: AddonAdmission(Options()))
        #expect(mode(path) == 0o600)
        try AddonSocketFile.reopen(path, for: AddonAdmission(.with { $0.addonUIDs = [Int(Self.other)] }))
        #expect(mode(path) == 0o666)
        withExtendedLifetime(made) {}
    }

    @Test func `a daemon removes its own socket, and not another that has taken its place`() throws {
        let (file, number) = try make()
        file.remove()
        #expect(mode(path) == nil)
        let other = try make()
        file.remove()
        #expect(mode(path) != nil)
        withExtendedLifetime((number, other)) {}
    }
}
