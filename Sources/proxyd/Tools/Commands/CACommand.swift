import AddonProtocol
import ArgumentParser
import Glibc
import ProxyCore
import ProxyTLS

struct CACommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "Show the CA: where it is, its fingerprint, and how to have it trusted; or write its certificate.",
        discussion: """
            Only the certificate is written, never the key. pem is for most programs, cer (DER) for Windows and Android, and p12 \
            (with an empty password) for programs that take nothing else.

            EXAMPLES
              proxyd ca
              proxyd ca --export pem > proxyd-ca-cert.pem
              proxyd ca --export cer --output proxyd-ca-cert.cer
              proxyd ca --create --confdir /etc/proxyd
            """
    )

    @Option(help: ArgumentHelp("Folder with the CA, as for proxyd run.", valueName: "dir"), completion: .directory)
    var confdir: String?

    @Option(
        help: ArgumentHelp("YAML file of options, as for proxyd run.", valueName: "file"),
        completion: .file()
    )
    var config: String?

    @Flag(help: "Create the CA if there is none.")
    var create = false

    @Option(help: ArgumentHelp("Write the certificate: pem, cer or p12.", valueName: "format"))
    var export: CertificateFormat?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("File to write to; stdout by default.", valueName: "file"),
        completion: .file()
    )
    var output: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if output != nil, export == nil { throw ValidationError("--output needs --export pem, cer or p12") }
        if json, export != nil { throw ValidationError("--json shows the CA, and --export writes it: choose one") }
    }

    func run() throws {
        ToolProcess.run {
            let folder = try folder
            let authority = try authority(in: folder)
            if let export { return try write(authority.certificate(as: export), export) }
            show(authority, folder)
        }
    }

    private var folder: String {
        get throws(ToolFailure) {
            var sources = OptionSources()
            sources.configFile = config
            if let confdir { sources.flags = [("confdir", "--confdir", confdir)] }
            do throws(OptionError) {
                return try sources.load().confdir.path
            } catch {
                throw .usage("\(error)")
            }
        }
    }

    private func authority(in folder: String) throws -> CertificateAuthority {
        if create { return try .loadOrCreate(in: folder) }
        if let authority = try CertificateAuthority.load(in: folder) { return authority }
        let path = CertificateAuthority.path(in: folder)
        throw ToolFailure.nothing(
            "there is no CA: \(path) does not exist; proxyd ca --create makes one, as proxyd run does"
        )
    }

    // MARK: Output

    private func write(_ certificate: [UInt8], _ format: CertificateFormat) throws(ToolFailure) {
        guard let output, output != "-" else {
            guard format.isText || isatty(STDOUT_FILENO) == 0 else {
                throw .usage("\(format.rawValue) is not for a terminal; write it with --output \(format.fileName)")
            }
            return Output.write(certificate)
        }
        if let former = try? readWholeFile(output, limit: 1 << 20),
            String(decoding: former, as: UTF8.self).contains("PRIVATE KEY-----")
        {
            throw .usage("\(output) holds a private key, which would be lost; choose another file")
        }
        let descriptor = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .usage("cannot write \(output)", errno: errno) }
        defer { close(descriptor) }
        if let number = Output.failure(writing: certificate, to: descriptor) {
            throw .nothing("cannot write \(output)", errno: number)
        }
    }

    private func show(_ authority: CertificateAuthority, _ folder: String) {
        let key = CertificateAuthority.path(in: folder)
        let path = "\(folder)/\(CertificateFormat.pem.fileName)"
        let certificate = access(path, F_OK) == 0 ? path : nil
        if json {
            return Output.line(
                JSONText.line([
                    "folder": .string(folder), "key": .string(key),
                    "certificate": certificate.map { .string($0) } ?? .null,
                    "subject": .string(authority.subject), "sha256": .string(authority.sha256),
                    "not_before": .string(authority.notBefore), "not_after": .string(authority.notAfter),
                ])
            )
        }
        let facts = [
            ("certificate", certificate ?? "in no file of its own; proxyd ca --export pem writes it"), ("key", key),
            ("subject", authority.subject),
            ("SHA-256", fingerprintText(authority.sha256)),
            ("valid", "\(authority.notBefore) to \(authority.notAfter)"),
        ]
        let lines = facts.map { name, value in
            let padding = String(repeating: " ", count: 11 - name.count)
            return "\(Terminal.standard.styled(name, .cyan))\(padding)  \(escapedForTerminal(value))"
        }
        Output.lines(lines + ["", Self.advice])
    }

    private static let advice = """
        To have it trusted, browse to the proxy while it runs (http://127.0.0.1:8080/, or http://proxyd.test/ through it), which explains how \
        on each system, or read docs/setup.md. A single program trusts it without that: proxyd run -- COMMAND
        """
}

extension CertificateFormat: ExpressibleByArgument {}
