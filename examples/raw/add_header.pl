#!/usr/bin/env perl
# Adds a header to every request, with Perl's own modules: add_header.pl [SOCKET]
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP;

my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0] // $ENV{PROXYD_ADDON_SOCKET}) or die "cannot connect: $!\n";
$socket->autoflush(1);

sub say_line { print $socket encode_json({ jsonrpc => "2.0", @_ }), "\n" }

my %token = $ENV{PROXYD_ADDON_TOKEN} ? (token => $ENV{PROXYD_ADDON_TOKEN}) : ();
say_line(id => 1, method => "initialize", params => { name => "perl", events => ["requestheaders"], %token });
my %replies = map { $_ => undef } qw(start configure done ping);
$replies{requestheaders} = { flow => { request => { headers => { "x-raw" => "perl" } } } };
while (my $line = <$socket>) {
    my $message = decode_json($line);
    next unless defined $message->{method} && defined $message->{id};
    my $method = $message->{method};
    my %answer = exists $replies{$method} ? (result => $replies{$method}) : (error => { code => -32601, message => "unknown method" });
    say_line(id => $message->{id}, %answer);
}
