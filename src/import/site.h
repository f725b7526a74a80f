/* An address server's configuration as other programs have it, taken apart: networks, pools,
 * reservations, classes, options, and notes on what has no counterpart. Knows neither their syntax
 * nor ours. */
#ifndef IMPORT_SITE_H
#define IMPORT_SITE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* All texts are UTF-8 or bytes as they stood in the file, and live in the site's arena. */
struct import_text {
	struct import_text *next;
	struct span text;
};

struct import_texts {
	struct import_text *first, *last;
};

struct import_option {
	struct import_option *next;
	struct span name; /* its number, in digits; empty: a note told of it, it is left out */
	struct import_texts values;
	const char *type; /* ours, by src/proto/dhcp/option.h; NULL: the option's own, or a guess */
	uint32_t line;
	bool always; /* sent unasked */
	bool hex;    /* the one value is the whole option in hexadecimal digits */
};

struct import_options {
	struct import_option *first, *last;
};

/* What can be said at every level, the nearest wins. Zero and empty: not said. */
struct import_scope {
	struct import_options options;
	uint64_t lease_s, lease_min_s, lease_max_s, renew_s, rebind_s, preferred_s;
	struct span next_server, boot_file, server_name;
};

enum import_allocate { IMPORT_DYNAMIC, IMPORT_AUTOMATIC, IMPORT_FIXED };

struct import_pool {
	struct import_pool *next;
	struct span first, last;
	enum import_allocate allocate;
	struct import_texts classes;
	struct import_scope scope;
	struct span set; /* what is said of this class is said of whoever is in the pool */
	struct import_pool *next_of_block; /* the reader's */
	uint32_t line;
};

/* A pool of prefixes to delegate. */
struct import_prefix_pool {
	struct import_prefix_pool *next;
	struct span prefix; /* 2001:db8:100::/40 */
	uint64_t delegated;
	uint32_t line;
};

struct import_reservation {
	struct import_reservation *next;
	/* One of them, or the last two. client_id, circuit_id, remote_id: text, or octets as
	 * hexadecimal digits behind hex:. */
	struct span mac, client_id, duid, circuit_id, remote_id;
	struct span address, prefix, name;
	struct import_scope scope;
	struct span set; /* as in a pool */
	uint32_t line;
};

struct import_network {
	struct import_network *next;
	struct span subnet; /* 192.168.7.0/24 */
	struct span interface, link;
	struct import_pool *pools, *pools_last;
	struct import_prefix_pool *prefix_pools, *prefix_pools_last;
	struct import_reservation *reservations, *reservations_last;
	struct import_scope scope;
	bool advertise; /* router advertisements are wanted (IPv6) */
	bool rapid_commit;
	bool authoritative, not_authoritative;
	uint32_t line;
};

struct import_match {
	struct import_match *next;
	const char *key;   /* a literal: vendor-class */
	struct span value; /* PXEClient* */
};

struct import_class {
	struct import_class *next;
	struct span name;
	struct import_match *matches, *matches_last;
	struct import_scope scope;
	bool told; /* a note says what it lacks, or its scope went to who is in it */
	uint32_t line;
};

struct import_relay {
	struct import_relay *next;
	struct span interface;
	struct import_texts servers;
};

/* Something of the file that is not in what was made of it, or not in the same way. */
struct import_note {
	struct import_note *next;
	uint32_t line;
	uint32_t file; /* 0: the file itself; else one that it includes (import_file) */
	struct span text;
};

struct import_site {
	struct arena arena; /* of everything here; named by its lifetime: import */
	bool failed;	    /* memory, or IMPORT_BYTES_MAX, ran out: nothing here is whole */
	struct import_scope scope, scope6;
	struct import_texts interfaces;
	struct import_network *networks, *networks_last;	     /* IPv4 */
	struct import_network *networks6, *networks6_last;	     /* IPv6 */
	struct import_reservation *reservations, *reservations_last; /* of no network yet */
	struct import_class *classes, *classes_last;
	struct import_relay *relays, *relays_last;
	uint64_t leases_max;
	bool authoritative; /* where a network says nothing; it is off in all programs read here */
	bool rapid_commit;
	bool advertise; /* of all networks of IPv6 */
	bool no_probe;
	struct import_note *notes, *notes_last;
	uint32_t notes_n;
	uint32_t file_number; /* of the next notes */
	struct import_texts files;
	uint32_t files_n;
	_Alignas(16) uint8_t spare[512]; /* what is written when memory is short, read by nobody */
};

enum {
	IMPORT_BYTES_MAX = 64 << 20,
	IMPORT_FILE_MAX = 8 << 20, /* octets of a file */
	IMPORT_NOTES_MAX = 10000,
};

void import_site_init(struct import_site *s);
void import_site_done(struct import_site *s);

/* Copies; an empty span and s->failed when memory is short. */
struct span import_copy(struct import_site *s, struct span text);
__attribute__((format(printf, 2, 3))) struct span import_format(struct import_site *s,
								const char *format, ...);
__attribute__((format(printf, 3, 4))) void import_note(struct import_site *s, uint32_t line,
						       const char *format, ...);

/* A file that is included: its number, from 1. */
uint32_t import_file_add(struct import_site *s, struct span path);
struct span import_file(const struct import_site *s, uint32_t number); /* empty: the first one */
/* Notes in the order of files and lines. */
void import_notes_sort(struct import_site *s);

/* A zeroed record of the arena; memory short: of the spare, which nobody reads. Never NULL. */
#define IMPORT_NEW(s, type) ((type *)import_record((s), sizeof(type), _Alignof(type)))
void *import_record(struct import_site *s, size_t size, size_t align);

/* 01:02, 0x0102, 0102, '0102' or 01 02 as hex:0102; empty when it is none of these. */
struct span import_hex(struct import_site *s, struct span text);

/* Each appends a copy. What they return may be written to also when memory is short: it is then a
 * spare record that nobody reads. Never NULL. */
void import_text_add(struct import_site *s, struct import_texts *to, struct span text);
struct import_option *import_option_add(struct import_site *s, struct import_options *to,
					unsigned code, uint32_t line);
struct import_network *import_network_add(struct import_site *s, bool ipv6, struct span subnet,
					  uint32_t line);
struct import_pool *import_pool_add(struct import_site *s, struct import_network *n,
				    struct span first, struct span last, uint32_t line);
struct import_prefix_pool *import_prefix_pool_add(struct import_site *s, struct import_network *n,
						  struct span prefix, uint64_t delegated,
						  uint32_t line);
struct import_reservation *import_reservation_add(struct import_site *s, struct import_network *n,
						  uint32_t line); /* n NULL: of none yet */
struct import_class *import_class_add(struct import_site *s, struct span name, uint32_t line);
/* The class of that name, made when there is none. */
struct import_class *import_class_get(struct import_site *s, struct span name, uint32_t line);
/* key: a literal, kept as it is. */
void import_match_add(struct import_site *s, struct import_class *c, const char *key,
		      struct span value);
struct import_relay *import_relay_add(struct import_site *s, struct span interface);

/* What an outer place says, where the inner one does not. */
void import_scope_inherit(struct import_site *s, struct import_scope *inner,
			  const struct import_scope *outer);

/* The network whose subnet holds the address; NULL: none. */
struct import_network *import_network_of(struct import_site *s, struct span address);
/* Puts every reservation of none into the network of its address, those without an address into
 * each; notes those that no network takes. What is told of a class by who is in it (`set`) goes to
 * them; what cannot stand in our configuration is left out, with notes (import/judge.h). Notes in
 * the order of lines then. To be called once, when the file is read. */
void import_site_settle(struct import_site *s);

#endif
