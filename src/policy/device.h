/* Who is at which address: a table of what one service knows of devices (leases, tunnels' peers,
 * neighbours), in a block of memory that one process writes and any number of others map and look
 * in, without a lock. Knows neither files nor where the facts are from.
 *
 *	policy_devices_begin(memory, slots, key, &t);		the one writer, zeroed memory
 *	policy_devices_put(&t, &key, &device);			... _remove, _breathe
 *
 *	policy_devices_open(bytes, &t);				a reader: refuses what is none
 *	policy_devices_find(&t, &key, now_s, &device);		any thread, at any time
 *
 * Each record is written under a number that is odd meanwhile, and who reads reads again when the
 * number is another one behind. A record that is there is never moved, so it is found whatever is
 * written beside it. The bytes are another process's: whatever they say, a look-up stays within
 * them and ends. */
#ifndef POLICY_DEVICE_H
#define POLICY_DEVICE_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdatomic.h>

enum {
	POLICY_DEVICE_TEXT_MAX = 63,
	POLICY_DEVICE_DUID_MAX = 64, /* octets kept of a longer one: none */
	POLICY_DEVICE_KEY_LEN = 24,
	POLICY_DEVICES_SLOTS_MIN = 64,
	POLICY_DEVICES_SLOTS_MAX = 1 << 19, /* of 256 octets */
	POLICY_DEVICES_REACH = 64,	    /* slots that a look-up visits at most */
	POLICY_DEVICES_ALIVE_S = 10,	    /* since the last breath */
	POLICY_DEVICES_GONE_S = 300,	    /* likewise: whoever wrote it starts no more */
};
#define POLICY_DEVICE_FOREVER UINT64_MAX

/* What it is found by. */
struct policy_device_key {
	uint8_t bytes[POLICY_DEVICE_KEY_LEN];
};
/* IPv4 inside IPv6 is IPv4. */
struct policy_device_key policy_device_at(const struct ip_address *address);
struct policy_device_key policy_device_of_mac(const uint8_t mac[6]);
struct policy_device_key policy_device_of_user(const char *name);

/* One record. What is not known is empty. */
struct policy_device {
	uint64_t until_s; /* Unix time: from then on it is not there */
	uint64_t version; /* the writer's own: of a user, it changes with his rights */
	bool has_mac;
	uint8_t mac[6];
	char name[POLICY_DEVICE_TEXT_MAX + 1]; /* of a lease, or of a tunnel's peer */
	char user[POLICY_DEVICE_TEXT_MAX + 1]; /* who has signed in there */
	uint8_t duid_len;
	uint8_t duid[POLICY_DEVICE_DUID_MAX];
};

/* A view of the block, which is the caller's. */
struct policy_devices {
	_Atomic uint64_t *words;
	size_t slots;
	struct hash_key key;
};

/* slots: a power of two within the bounds. */
size_t policy_devices_size(size_t slots);
/* memory: of that size, of pages. key: random. */
void policy_devices_begin(void *memory, size_t slots, struct hash_key key,
			  struct policy_devices *ret);
/* ERR_FORMAT: none of ours; ERR_UNSUPPORTED: of another version. bytes: as of mmap, and written to
 * by others meanwhile. */
MUST enum err policy_devices_open(struct span bytes, struct policy_devices *ret);

/* The writer's. ERR_LIMIT: there is no room within reach: a larger table is needed. */
MUST enum err policy_devices_put(struct policy_devices *t, const struct policy_device_key *key,
				 const struct policy_device *d);
void policy_devices_remove(struct policy_devices *t, const struct policy_device_key *key);
/* The writer lives: at most a few seconds apart. */
void policy_devices_breathe(struct policy_devices *t, uint64_t now_s);
/* All that it holds at now_s, for a larger one. Its own writer alone. ERR_LIMIT as above. */
MUST enum err policy_devices_copy(const struct policy_devices *t, uint64_t now_s,
				  struct policy_devices *to);
/* Records now, those that are over among them. */
size_t policy_devices_count(const struct policy_devices *t);
/* Those that are not over at now_s. Visits all of them. Its own writer alone. */
size_t policy_devices_current(const struct policy_devices *t, uint64_t now_s);

/* A reader's. False: nobody is known there, or not any more. ret may be NULL. */
bool policy_devices_find(const struct policy_devices *t, const struct policy_device_key *key,
			 uint64_t now_s, struct policy_device *ret);
/* Another number than before: somebody came, went or is somebody else. A lease that is renewed
 * changes nothing. */
uint64_t policy_devices_changes(const struct policy_devices *t);
/* Was there a breath within POLICY_DEVICES_ALIVE_S? */
bool policy_devices_live(const struct policy_devices *t, uint64_t now_s);
/* When there will have been none for POLICY_DEVICES_GONE_S, or 0 when that is so: its writer was
 * taken out of the configuration, and not only started anew. For tables that breathe. */
uint64_t policy_devices_end_s(const struct policy_devices *t, uint64_t now_s);

#endif
