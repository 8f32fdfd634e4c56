import Glibc
import NIOCore
import NIOPosix

extension FlowError {
    /// Describes why a connection to this address failed.
    ///
    /// - Parameter local: the local address, if an addon has chosen it.
    init(
        connecting address: ConnectionInfo.Address,
        from local: ConnectionInfo.Address? = nil,
        _ error: any Error
    ) {
        let origin = local.map { " from \($0)" } ?? ""
        let number = errorNumber(of: error)
        let status: Int? = [EACCES: 403, EMFILE: 503, ENFILE: 503][number ?? 0]
        self.init(
            .connectFailed,
            "cannot connect to \(address)\(origin): \(explained(error))",
            status: status,
            systemError: number
        )
    }

    /// The error when there is no descriptor for another connection.
    static func noDescriptor(for address: ConnectionInfo.Address) -> FlowError {
        FlowError(
            .connectFailed,
            "cannot connect to \(address): too many connections are open for the limit on open files",
            status: 503,
            systemError: EMFILE
        )
    }
}

/// A connect error in words, without the library's wrapping; the first of several attempts.
func explained(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        if let failure = error.connectionErrors.first { return explained(failure.error) }
        if error.dnsAError != nil || error.dnsAAAAError != nil { return "no such host" }
        return "no address"
    case let error as IOError:
        return String(cString: strerror(error.errnoCode))
    case ChannelError.connectTimeout(let time):
        return "no answer within \(time.nanoseconds / 1_000_000_000) s"
    default:
        return "\(error)"
    }
}

/// The `errno` of a connect error; the first of several attempts.
private func errorNumber(of error: any Error) -> CInt? {
    switch error {
    case let error as NIOConnectionError: error.connectionErrors.first.flatMap { errorNumber(of: $0.error) }
    case let error as IOError: error.errnoCode
    case is BlockedAddress: EACCES
    default: nil
    }
}
