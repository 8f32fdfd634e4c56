import Foundation
import Glibc

/// The files that a client command's environment names, in a folder that only this user may enter.
struct ClientFiles {
    private let folder: String

    /// - Parameters:
    ///   - certificate: the CA's certificate, in PEM.
    ///   - inherited: the existing variables; the command trusts what they trust as well.
    init(certificate: CertificateBundle, inherited: [String: String]) throws {
        folder = try TemporaryFiles.makeFolder()
        let system = CertificateBundle.system
        try write("ca.pem", Array(certificate.pem.utf8))
        try write("bundle.pem", Array((system + certificate).pem.utf8))
        for name in ClientEnvironment.bundles + ClientEnvironment.additions {
            guard let own = inherited[name].flatMap(CertificateBundle.read) else { continue }
            try write("\(name).pem", Array((own + certificate).pem.utf8))
        }
        let date = UInt64(Date().timeIntervalSince1970 * 1000)
        try write("java.jks", JavaTrustStore.bytes((system + certificate).certificates, date: date))
        try write("node.cjs", Array(NodeProxy.script.utf8))
    }

    var javaTrustStore: String { folder + "/java.jks" }
    var nodeScript: String { folder + "/node.cjs" }

    /// The path that a variable names.
    func bundle(_ variable: String) -> String {
        let own = "\(folder)/\(variable).pem"
        if access(own, R_OK) == 0 { return own }
        return folder + (ClientEnvironment.additions.contains(variable) ? "/ca.pem" : "/bundle.pem")
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let path = "\(folder)/\(name)"
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch {
            remove()
            throw ToolFailure.nothing("cannot write \(path): \(error.localizedDescription)")
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
