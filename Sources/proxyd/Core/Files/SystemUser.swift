import Glibc

/// A user account of the system.
struct SystemUser: Sendable, Equatable {
    let name: String
    let uid: UInt32
    let gid: UInt32
    let home: String

    /// - Parameter text: a name or a uid.
    init(_ text: String) throws(FileError) {
        guard let entry = getpwnam(text) ?? UInt32(text).flatMap(getpwuid) else {
            throw FileError(reason: "there is no user \(text)")
        }
        name = String(cString: entry.pointee.pw_name)
        uid = entry.pointee.pw_uid
        gid = entry.pointee.pw_gid
        home = String(cString: entry.pointee.pw_dir)
    }
}
