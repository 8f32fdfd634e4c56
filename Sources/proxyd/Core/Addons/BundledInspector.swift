import AddonProtocol
import Foundation
import Glibc

/// The inspector (`proxyd-inspector`, installed beside proxyd), which the option `web` starts as an observing addon.
///
/// The daemon chooses its port and page token, so that an open page continues to work after the inspector is restarted.
/// Only the inspector's process gets the token.
package struct BundledInspector: Sendable {
    /// The addon's name.
    package static let name = BundledAddon.inspectorName
    /// The environment variable with the token of the page.
    package static let tokenVariable = "PROXYD_INSPECTOR_TOKEN"

    let spec: AddonSpec
    /// The URL to open in a browser.
    let address: String
    private let port: HeldPort

    /// - Throws: when the program is missing or the port is taken.
    init(_ options: Options) throws(StartError) {
        let program = try Self.program
        port = try HeldPort(options.webListen)
        let token = randomToken()
        address = "http://\(port.address)/?token=\(token)"
        let flags = ["--listen=\(port.address)"] + Self.flags(options)
        var spec = AddonSpec(bundled: Self.name, program, flags, onFailure: .open)
        spec.environment = [Self.tokenVariable: token]
        self.spec = spec
    }

    /// The path of the program.
    ///
    /// - Throws: when it is not beside this program.
    package static var program: String {
        get throws(StartError) {
            let own = URL(fileURLWithPath: AddonProcess.ownProgram).resolvingSymlinksInPath()
            let path = own.deletingLastPathComponent().appendingPathComponent("proxyd-inspector").path
            guard access(path, X_OK) == 0 else {
                throw StartError("cannot start the inspector: there is no program \(path); it must be beside proxyd")
            }
            return path
        }
    }

    /// The program's arguments for its store and its permissions.
    private static func flags(_ options: Options) -> [String] {
        (options.webStore.map { ["--store=\($0.path)"] } ?? [])
            + ["--store-limit=\(options.webStoreLimit >> 10)k"]
            + (options.webReadOnly ? ["--read-only"] : [])
    }
}
