import Glibc

/// Why a tool cannot do what it was asked for, in words for people.
package struct PlayFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// With what `errno` says.
    init(_ what: String, errno number: Int32) {
        self.init("\(what): \(String(cString: strerror(number)))")
    }
}
