import AddonProtocol
import Foundation
import Glibc

/// The inspector (`proxyd-inspector`, which lies beside proxyd) as the option `web` has it started: an addon that observes.
///
/// The daemon chooses its port and the token of its page, so that a page that is open goes on when the inspector has been
/// started anew. Its process alone is given the token.
package struct BundledInspector: Sendable {
    /// The addon's name.
    package static let name = BundledAddon.inspectorName
    package static let tokenVariable = "PROXYD_INSPECTOR_TOKEN"

    let spec: AddonSpec
    /// What to open in a browser.
    let address: String
    private let port: HeldPort

    /// - Throws: when the program is not there, or the port is taken.
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
    /// - Throws: when it is not beside this one.
    package static var program: String {
        get throws(StartError) {
            let own = URL(fileURLWithPath: AddonProcess.ownProgram).resolvingSymlinksInPath()
            let path = own.deletingLastPathComponent().appendingPathComponent("proxyd-inspector").path
            guard access(path, X_OK) == 0 else {
                throw StartError("cannot start the inspector: there is no program \(path), which belongs beside proxyd")
            }
            return path
        }
    }

    /// What the program is told of its store, and of what it may do.
    private static func flags(_ options: Options) -> [String] {
        (options.webStore.map { ["--store=\($0.path)"] } ?? [])
            + ["--store-limit=\(options.webStoreLimit >> 10)k"]
            + (options.webReadOnly ? ["--read-only"] : [])
    }
}
