import Foundation

/// Certificates for `openssl s_server`, made by `openssl` itself.
struct TestCertificates {
    let directory: TemporaryDirectory
    var root: String { directory.file("root.pem") }

    init() async throws {
        directory = try TemporaryDirectory()
        try await makeRoot("root", subject: "/CN=Test Root/O=Tests")
    }

    private static let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    func makeRoot(_ name: String, subject: String) async throws {
        let arguments = ["req", "-x509", "-subj", subject, "-days", "10", "-addext", "keyUsage=critical,keyCertSign"]
        try await run(
            arguments + Self.key + ["-keyout", directory.file("\(name).key"), "-out", directory.file("\(name).pem")]
        )
    }

    /// `names` in OpenSSL's notation: `DNS:a.test,IP:127.0.0.1`. Returns arguments for `s_server`.
    func leaf(_ name: String, names: String, days: Int = 5, root: String = "root") async throws -> [String] {
        let (key, request) = (directory.file("\(name).key"), directory.file("\(name).csr"))
        let certificate = directory.file("\(name).pem")
        try await run(
            [
                "req", "-new", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out",
                request,
            ]
                + Self.key
        )
        try await run(
            [
                "x509", "-req", "-in", request, "-CA", directory.file("\(root).pem"), "-CAkey",
                directory.file("\(root).key"),
            ]
                + ["-CAcreateserial", "-copy_extensions", "copyall", "-days", "\(days)", "-out", certificate]
        )
        return ["-cert", certificate, "-key", key]
    }

    func selfSigned(_ name: String) async throws -> [String] {
        try await makeRoot(name, subject: "/CN=\(name)")
        return ["-cert", directory.file("\(name).pem"), "-key", directory.file("\(name).key")]
    }

    private func run(_ arguments: [String]) async throws {
        let output = try await OpenSSLProgram.run(arguments)
        guard output.status == 0 else { throw OpenSSLProgram.Failure(text: output.text) }
    }
}
