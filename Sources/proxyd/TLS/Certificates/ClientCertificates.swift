import Glibc

/// The certificates for servers that request one: one for all servers, or one for each host.
package enum ClientCertificates: Sendable {
    case one(LeafCertificate)
    /// Contains `HOST.pem` for each host with a certificate; the file is read for each connection.
    case directory(String)

    /// - Parameter path: a PEM file with key and certificate, or a directory of such files.
    package init(path: String) throws(TLSError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            self = .directory(path)
        } else {
            self = .one(try PEMFile.leaf(path))
        }
    }

    /// The certificate for a server; nil when there is none for it.
    package func certificate(for host: String) throws(TLSError) -> LeafCertificate? {
        switch self {
        case .one(let certificate):
            return certificate
        case .directory(let directory):
            guard let name = IPAddress(host)?.description ?? LeafRequest.dnsName(host) else { return nil }
            let path = "\(directory)/\(name).pem"
            guard try Files.exists(path) else { return nil }
            return try PEMFile.leaf(path)
        }
    }
}
