# Net::SMPP (Debian: libnet-smpp-perl) as peer of the tests, by what it is told:
#   round-trip     hex of a PDU a line in; out, a line of JSON: what it read, and what it writes of that
#   client PORT    binds, asks for everything it knows, waits for receipts; tells each answer
#   server         listens, prints its port, takes everything and sends receipts; tells each PDU
# Values of texts are given in hex where they may hold anything.
use strict;
use warnings;
use JSON::PP;
use Net::SMPP;

$| = 1;
my $json = JSON::PP->new->canonical->latin1;
my @fields = qw(service_type source_addr_ton source_addr_npi source_addr dest_addr_ton dest_addr_npi
  destination_addr dest_flag esm_class protocol_id priority_flag schedule_delivery_time
  validity_period registered_delivery replace_if_present_flag data_coding sm_default_msg_id
  short_message system_id password system_type interface_version addr_ton addr_npi address_range
  message_id final_date message_state error_code error_status_code esme_addr_ton esme_addr_npi
  esme_addr);

# Encoders by command_id; those of an empty body write nothing.
my %encoders = (
  0x00000001 => \&Net::SMPP::encode_bind, 0x80000001 => \&Net::SMPP::encode_bind_resp,
  0x00000002 => \&Net::SMPP::encode_bind, 0x80000002 => \&Net::SMPP::encode_bind_resp,
  0x00000009 => \&Net::SMPP::encode_bind, 0x80000009 => \&Net::SMPP::encode_bind_resp,
  0x00000003 => \&Net::SMPP::encode_query_sm_v34,
  0x80000003 => \&Net::SMPP::encode_query_sm_resp_v34,
  0x00000004 => \&Net::SMPP::encode_submit_v34, 0x80000004 => \&Net::SMPP::encode_submit_resp_v34,
  0x00000005 => \&Net::SMPP::encode_submit_v34, 0x80000005 => \&Net::SMPP::encode_submit_resp_v34,
  0x00000007 => \&Net::SMPP::encode_replace_sm_v34,
  0x00000008 => \&Net::SMPP::encode_cancel_sm,
  0x00000021 => \&Net::SMPP::encode_submit_multi,
  0x80000021 => \&Net::SMPP::encode_submit_multi_resp,
  0x00000103 => \&Net::SMPP::encode_data_sm, 0x80000103 => \&Net::SMPP::encode_submit_resp_v34,
  0x00000102 => \&Net::SMPP::encode_alert_notification,
);

sub told {
  my ($pdu) = @_;
  my %told = (command_id => $pdu->{cmd}, status => $pdu->{status}, sequence => $pdu->{seq});
  for my $name (@fields) {
    $told{$name} = $pdu->{$name} if defined $pdu->{$name};
  }
  $told{short_message} = unpack 'H*', $pdu->{short_message} if defined $pdu->{short_message};
  for my $name (qw(message_payload receipted_message_id sar_msg_ref_num sar_segment_seqnum)) {
    $told{$name} = unpack 'H*', $pdu->{$name} if defined $pdu->{$name};
  }
  return \%told;
}

sub report { print $json->encode($_[0]), "\n"; }

sub round_trip {
  # A connection that is none: the coders ask it for the version and for defaults.
  my $me = Symbol::gensym();
  ${*$me}{$_} = Net::SMPP::Default->{$_} for keys %{Net::SMPP::Default()};
  bless $me, 'Net::SMPP';
  $me->set_version(0x34);
  while (my $line = <STDIN>) {
    chomp $line;
    my $bytes = pack 'H*', $line;
    my %pdu;
    @pdu{qw(length cmd status seq)} = unpack 'NNNN', $bytes;
    $pdu{data} = substr $bytes, 16;
    my $row = Net::SMPP::pdu_tab->{$pdu{cmd}} or die "unknown command $pdu{cmd}";
    my $mandatory = $row->{decode}->(\%pdu, $me);
    my @optional;
    for (my $at = $mandatory; $at < length $pdu{data};) {
      my ($tag, $length) = unpack 'nn', substr $pdu{data}, $at;
      my $name = Net::SMPP::param_tab->{$tag}{name} or die "unknown TLV $tag";
      push @optional, $name, substr $pdu{data}, $at + 4, $length;
      $at += 4 + $length;
    }
    Net::SMPP::decode_optional_params(\%pdu, $mandatory) if $mandatory < length $pdu{data};
    my @given = map { ($_ => $pdu{$_}) } grep { defined $pdu{$_} } @fields;
    my $encoder = $encoders{$pdu{cmd}};
    my $body = defined $encoder ? $encoder->($me, @given) : '';
    $body .= Net::SMPP::encode_optional_params(@optional);
    my $again = pack('NNNN', 16 + length $body, $pdu{cmd}, $pdu{status}, $pdu{seq}) . $body;
    report({read => told(\%pdu), written => unpack('H*', $again)});
  }
}

sub client {
  my ($port) = @_;
  my ($smpp, $bound) = Net::SMPP->new_transceiver('127.0.0.1', port => $port, system_id => 'floe',
    password => 'secret', system_type => '', interface_version => 0x34, async => 0, timeout => 10);
  $smpp or die "cannot connect";
  my @kept;
  # Receipts may come before the answer that is waited for.
  ${*$smpp}{handlers} = {Net::SMPP::CMD_deliver_sm() => sub { push @kept, $_[1] }};
  report({ask => 'bind', answer => told($bound)});
  my @from = (source_addr_ton => 5, source_addr_npi => 0, source_addr => 'Floe');
  my @to = (dest_addr_ton => 1, dest_addr_npi => 1);
  my $ask = sub {
    my ($name, @arguments) = @_;
    my $answer = $smpp->$name(@arguments) or die "no answer to $name";
    report({ask => $name, answer => told($answer)});
    return $answer;
  };
  my $first = $ask->('submit_sm', @from, @to, destination_addr => '447700900123',
    registered_delivery => 1, short_message => 'plain');
  my $id = $first->{message_id};
  for my $part (1, 2) {
    $ask->('submit_sm', @from, @to, destination_addr => '447700900124', registered_delivery => 1,
      esm_class => 0x40, short_message => pack('CCCCCC', 5, 0, 3, 77, 2, $part) . "part $part");
  }
  $ask->('submit_sm', @from, @to, destination_addr => '447700900125', registered_delivery => 1,
    short_message => '', message_payload => 'x' x 300);
  $ask->('submit_sm', @from, @to, destination_addr => '447700900003', short_message => 'refused');
  $ask->('query_sm', message_id => $id, @from);
  $ask->('query_sm', message_id => 'nobody', @from);
  $ask->('replace_sm', message_id => $id, @from, schedule_delivery_time => '',
    validity_period => '', registered_delivery => 1, short_message => 'other');
  $ask->('cancel_sm', message_id => $id, @from, @to, destination_addr => '447700900123');
  $ask->('query_sm', message_id => $id, @from);
  $ask->('submit_multi', @from, registered_delivery => 1, short_message => 'to many',
    dest_flag => [1, 1], dest_addr_ton => [1, 1], dest_addr_npi => [1, 1],
    destination_addr => ['447700900126', '447700910003']);
  $ask->('data_sm', @from, @to, destination_addr => '447700900127', registered_delivery => 1,
    esm_class => 0, data_coding => 0, message_payload => 'by data_sm');
  $ask->('enquire_link');
  # Two parts and the payload, one of the many, data_sm; and a "deleted" is not sent: five.
  while (@kept < 5) {
    my $pdu = $smpp->read_pdu() or last;
    push @kept, $pdu if $pdu->{cmd} == Net::SMPP::CMD_deliver_sm;
  }
  for my $pdu (@kept) {
    $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
    report({receipt => told($pdu)});
  }
  $ask->('unbind');
}

sub server {
  my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, smpp_version => 0x34,
    interface_version => 0x34, listen => 5, timeout => 60) or die "cannot listen: $@";
  report({port => $listener->sockport});
  my $smpp = $listener->accept or die "nobody came";
  my $id = 0x10ab;
  while (my $pdu = $smpp->read_pdu()) {
    my ($cmd, @seq) = ($pdu->{cmd}, seq => $pdu->{seq});
    report(told($pdu));
    if ($cmd == Net::SMPP::CMD_bind_transceiver) {
      $smpp->bind_transceiver_resp(@seq, system_id => 'netsmpp');
    } elsif ($cmd == Net::SMPP::CMD_enquire_link) {
      $smpp->enquire_link_resp(@seq);
    } elsif ($cmd == Net::SMPP::CMD_submit_sm) {
      my $text = sprintf '%08x', $id++;
      if ($pdu->{destination_addr} =~ /0003$/) {
        $smpp->submit_sm_resp(@seq, status => 0x0b, message_id => '');
        next;
      }
      $smpp->submit_sm_resp(@seq, message_id => $text);
      my @common = (async => 1, esm_class => 4,
        source_addr_ton => $pdu->{dest_addr_ton}, source_addr_npi => $pdu->{dest_addr_npi},
        source_addr => $pdu->{destination_addr}, dest_addr_ton => $pdu->{source_addr_ton},
        dest_addr_npi => $pdu->{source_addr_npi}, destination_addr => $pdu->{source_addr});
      # In turn: by text, and by TLVs alone.
      if ($id % 2) {
        $smpp->deliver_sm(@common, receipted_message_id => "$text\0",
          message_state => pack('C', 2), short_message => '');
      } else {
        $smpp->deliver_sm(@common, short_message => "id:$text sub:001 dlvrd:001 "
            . 'submit date:2611241200 done date:2611241201 stat:DELIVRD err:000 text:');
      }
    } elsif ($cmd == Net::SMPP::CMD_unbind) {
      $smpp->unbind_resp(@seq);
      last;
    }
  }
}

my ($mode, @arguments) = @ARGV;
if ($mode eq 'round-trip') { round_trip() }
elsif ($mode eq 'client') { client(@arguments) }
elsif ($mode eq 'server') { server() }
else { die "round-trip, client or server" }
