/* A peer of a WireGuard interface, as those who judge, shape, list and count its packets see it.
 * Knows nothing of sockets, users and configuration text; the handshake's secrets lie behind it.
 *
 * Who may touch what: fields without _Atomic are changed by the main thread alone, inside
 * vpn_engine_begin and vpn_engine_end, when no worker is in the middle of a batch; any thread reads
 * them. Fields with _Atomic are written by whom their comment names, at any time. A worker keeps no
 * pointer to a peer from one batch to the next: in between it may be freed.
 *
 * now_ms is everywhere one clock that never goes back and does not stand still while the machine
 * sleeps (os: clock_ageing_us / 1000), so that keys grow old in sleep too; it is never 0. */
#ifndef VPN_TUNNEL_PEER_H
#define VPN_TUNNEL_PEER_H

#include "proto/ip/prefix.h"
#include "service/vpn/gate/peer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vpn_engine;
struct vpn_peer_inner; /* the engine's: handshake, keypairs, timers, staged packets */

enum {
	VPN_KEY_LEN = 32,
	VPN_PEER_NAME_MAX = 64, /* with the NUL */
};

/* What the gate lets through for this peer; only OPEN is not quarantine. */
enum vpn_gate {
	VPN_GATE_OPEN,	  /* all that its rules allow */
	VPN_GATE_CLOSED,  /* a person has to sign in */
	VPN_GATE_PROOF,	  /* signed in, but the endpoint moved: the browser has to prove itself */
	VPN_GATE_EXPIRED, /* the peer's own date is over */
	VPN_GATES,
};

/* "open", "closed", "proof", "expired". */
const char *vpn_gate_name(enum vpn_gate gate);

/* Where a peer was last heard from: datagrams to it go to remote, and leave from local, so that one
 * of several addresses of ours answers that was asked. */
struct vpn_endpoint {
	struct ip_endpoint remote; /* family 0: not known */
	struct ip_address local;   /* family 0: whatever the kernel chooses */
	uint32_t ifindex;	   /* that the datagram came in by; 0: not known */
};

/* A prefix that is routed to a peer and accepted from it; a list of each peer. */
struct vpn_allowed {
	struct ip_prefix prefix;
	struct vpn_peer *peer;	  /* borrowed */
	struct vpn_allowed *next; /* owned by the engine; the peer's next, NULL at the end */
};

struct vpn_peer {
	struct vpn_engine *engine; /* borrowed: the interface it belongs to */
	uint8_t public_key[VPN_KEY_LEN];
	uint32_t number; /* small, stable while the peer lives, reused later: for tables */

	/* --- settings: by functions of engine.h, except those marked (set) which the main thread
	 * may set itself inside begin and end */
	char name[VPN_PEER_NAME_MAX];	    /* (set) may be empty */
	uint8_t preshared_key[VPN_KEY_LEN]; /* zeros: none */
	uint16_t keepalive_s;		    /* persistent keepalive; 0: off */
	struct vpn_allowed *allowed; /* first of its allowed IPs, in the order they were given */
	struct vpn_allowed *allowed_last; /* borrowed */
	size_t allowed_n;
	bool sign_in;		/* (set) closed unless somebody signed in */
	uint64_t expires_ms;	/* (set) in the time of now_ms, 0: never */
	void *owner;		/* (set) borrowed; of who made the peer: config, store, UAPI */
	struct gate_peer rules; /* (set) by the gate's functions; without a net nothing passes */

	/* --- the gate. Main sets the three; a worker lowers OPEN to what is written in on_moved
	 * when an authenticated datagram comes from somewhere new, before it hands on the packet.
	 */
	_Atomic uint8_t gate;		/* enum vpn_gate */
	_Atomic uint64_t gate_until_ms; /* when OPEN or PROOF end by themselves; 0: never */
	_Atomic uint64_t gate_idle_ms;	/* they end too after so long since data_ms; 0: never */
	_Atomic uint8_t
		on_moved_address;      /* enum vpn_gate: OPEN means that moving changes nothing */
	_Atomic uint8_t on_moved_port; /* the same, when only the port changed */

	/* --- counted by workers and main */
	_Atomic uint64_t rx_bytes, tx_bytes;	 /* datagrams as sent, as `wg show` counts */
	_Atomic uint64_t rx_packets, tx_packets; /* inner packets, without keepalives */
	_Atomic uint64_t data_ms; /* of the last inner packet that passed the gate, either way, to
				   * within a second; 0: none yet. The gate alone writes it: what it
				   * refuses must not keep a session alive */
	_Atomic uint64_t refused; /* inner packets that the gate refused: the gate counts */

	/* --- by main */
	uint64_t handshake_wall_ns; /* Unix time of the last complete handshake; 0: none */
	uint64_t handshakes;	    /* complete ones */

	struct vpn_peer_inner *inner; /* owned */
};

/* The gate's state now: CLOSED when gate_until_ms or gate_idle_ms has passed, EXPIRED when
 * expires_ms has. From any thread; workers ask the same for each packet, so timers decide nothing.
 */
enum vpn_gate vpn_peer_gate(const struct vpn_peer *peer, uint64_t now_ms);

/* Where to send to; false when it is not known yet. From any thread: never half of two. */
bool vpn_peer_endpoint(const struct vpn_peer *peer, struct vpn_endpoint *ret);

#endif
