import Foundation

/// A path as the user wrote it, where a leading `~` stands for the home folder.
package struct UserPath: Sendable, Equatable {
    /// The text as written, which option listings show.
    package var text: String

    /// Wraps a path as the user wrote it.
    package init(_ text: String) {
        self.text = text
    }

    /// The path to open.
    package var path: String { NSString(string: text).expandingTildeInPath }
}
