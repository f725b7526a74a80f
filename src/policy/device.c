/* How a table of devices lies in its words, in host order, as writer and readers are one machine:
 * sixteen of a head, then SLOT_WORDS for each slot. A slot without a kind (the first octet of its
 * key) was never used, and ends a search; DEAD is one whose record was taken out. */
#include "policy/device.h"

#include <assert.h>
#include <string.h>

#define MAGIC UINT64_C(0x3165636976654447) /* "GDevice1" */

enum {
	HEAD_MAGIC,
	HEAD_SLOTS,
	HEAD_KEY0,
	HEAD_KEY1,
	HEAD_CHANGES,
	HEAD_BREATH,
	HEAD_COUNT,
	HEAD_WORDS = 16
};

/* Words of a slot. */
enum {
	SLOT_NUMBER, /* odd: it is written */
	SLOT_KEY,
	SLOT_UNTIL = SLOT_KEY + POLICY_DEVICE_KEY_LEN / 8,
	SLOT_VERSION,
	SLOT_MAC, /* six octets of it, then whether there is one, then the DUID's length */
	SLOT_NAME,
	SLOT_USER = SLOT_NAME + 8,
	SLOT_DUID = SLOT_USER + 8,
	SLOT_SPARE = SLOT_DUID + 8,
	SLOT_WORDS = 32,
	RECORD_WORDS = SLOT_SPARE - SLOT_KEY,
	TEXT_LEN = POLICY_DEVICE_TEXT_MAX + 1,
	/* A writer that dies within a record leaves it odd: it is as good as not there. */
	READ_TRIES = 1000,
};
static_assert(SLOT_SPARE <= SLOT_WORDS, "a record fits");
static_assert(POLICY_DEVICE_DUID_MAX == 64 && TEXT_LEN == 64, "eight words each");

enum { KIND_NONE, KIND_ADDRESS4 = 4, KIND_ADDRESS6 = 6, KIND_MAC, KIND_USER, KIND_DEAD = 0xff };

/* --- keys --- */

struct policy_device_key policy_device_at(const struct ip_address *address)
{
	struct ip_address a = ip_address_unmap(address);
	struct policy_device_key k = {{a.family}};
	if (a.family)
		memcpy(k.bytes + 8, a.bytes, ip_address_len(&a)); /* 16 at most */
	return k;
}

struct policy_device_key policy_device_of_mac(const uint8_t mac[6])
{
	struct policy_device_key k = {{KIND_MAC}};
	memcpy(k.bytes + 8, mac, 6); /* of 16 */
	return k;
}

/* Two names with one hash of 128 bits are one user: nobody finds such. */
struct policy_device_key policy_device_of_user(const char *name)
{
	static const struct hash_key keys[2] = {{1, 2}, {3, 4}};
	struct policy_device_key k = {{KIND_USER}};
	for (size_t i = 0; i < 2; i++) {
		uint64_t h = siphash13_of(keys[i], name, strlen(name));
		memcpy(k.bytes + 8 + 8 * i, &h, 8); /* of 16 */
	}
	return k;
}

/* --- words --- */

static uint64_t get(const struct policy_devices *t, size_t word)
{
	return atomic_load_explicit(&t->words[word], memory_order_acquire);
}

static void set(struct policy_devices *t, size_t word, uint64_t value)
{
	atomic_store_explicit(&t->words[word], value, memory_order_release);
}

static size_t slot_at(const struct policy_devices *t, size_t n)
{
	return HEAD_WORDS + (n & (t->slots - 1)) * SLOT_WORDS;
}

static size_t first_of(const struct policy_devices *t, const struct policy_device_key *key)
{
	return (size_t)siphash13_of(t->key, key->bytes, sizeof(key->bytes));
}

static bool has_key(const struct policy_devices *t, size_t slot, const uint64_t key[3])
{
	return get(t, slot + SLOT_KEY) == key[0] && get(t, slot + SLOT_KEY + 1) == key[1] &&
	       get(t, slot + SLOT_KEY + 2) == key[2];
}

static uint8_t kind_of(const struct policy_devices *t, size_t slot)
{
	uint64_t first = get(t, slot + SLOT_KEY);
	uint8_t kind;
	memcpy(&kind, &first, 1); /* the key's first octet */
	return kind;
}

/* The slot with that key; 0: none. *ret_free: where it may be put; 0: nowhere within reach. */
static size_t search(const struct policy_devices *t, const struct policy_device_key *key,
		     size_t *ret_free)
{
	uint64_t words[3];
	size_t first = first_of(t, key);
	memcpy(words, key->bytes, sizeof(words)); /* as long */
	*ret_free = 0;
	for (size_t i = 0; i < POLICY_DEVICES_REACH && i < t->slots; i++) {
		size_t slot = slot_at(t, first + i);
		uint8_t kind = kind_of(t, slot);
		if (kind == KIND_NONE || kind == KIND_DEAD)
			*ret_free = *ret_free ? *ret_free : slot;
		if (kind == KIND_NONE)
			return 0;
		if (has_key(t, slot, words))
			return slot;
	}
	return 0;
}

/* --- records --- */

static void pack(const struct policy_device_key *key, const struct policy_device *d,
		 uint64_t ret[RECORD_WORDS])
{
	uint8_t misc[8] = {0};
	memset(ret, 0, RECORD_WORDS * sizeof(*ret));
	memcpy(ret, key->bytes, sizeof(key->bytes)); /* three words */
	ret[SLOT_UNTIL - SLOT_KEY] = d->until_s;
	ret[SLOT_VERSION - SLOT_KEY] = d->version;
	memcpy(misc, d->mac, d->has_mac ? 6 : 0); /* of eight */
	misc[6] = d->has_mac;
	misc[7] = d->duid_len;
	memcpy(&ret[SLOT_MAC - SLOT_KEY], misc, sizeof(misc));			     /* one word */
	memcpy(&ret[SLOT_NAME - SLOT_KEY], d->name, strnlen(d->name, TEXT_LEN - 1)); /* of 64 */
	memcpy(&ret[SLOT_USER - SLOT_KEY], d->user, strnlen(d->user, TEXT_LEN - 1)); /* of 64 */
	memcpy(&ret[SLOT_DUID - SLOT_KEY], d->duid, d->duid_len); /* asserted by put */
}

static void unpack(const uint64_t words[RECORD_WORDS], struct policy_device *ret)
{
	uint8_t misc[8];
	memcpy(misc, &words[SLOT_MAC - SLOT_KEY], sizeof(misc)); /* one word */
	*ret = (struct policy_device){.until_s = words[SLOT_UNTIL - SLOT_KEY],
				      .version = words[SLOT_VERSION - SLOT_KEY],
				      .has_mac = misc[6] == 1};
	memcpy(ret->mac, misc, 6); /* of eight */
	ret->duid_len = misc[7] <= POLICY_DEVICE_DUID_MAX ? misc[7] : 0;
	memcpy(ret->name, &words[SLOT_NAME - SLOT_KEY], TEXT_LEN - 1); /* of 64; ends in NUL */
	memcpy(ret->user, &words[SLOT_USER - SLOT_KEY], TEXT_LEN - 1); /* likewise */
	memcpy(ret->duid, &words[SLOT_DUID - SLOT_KEY], POLICY_DEVICE_DUID_MAX); /* as long */
}

/* False: it was written each time that we looked. */
static bool read_record(const struct policy_devices *t, size_t slot, uint64_t ret[RECORD_WORDS])
{
	for (unsigned i = 0; i < READ_TRIES; i++) {
		uint64_t before = get(t, slot + SLOT_NUMBER);
		for (size_t k = 0; k < RECORD_WORDS; k++)
			ret[k] = get(t, slot + SLOT_KEY + k);
		if (before % 2 == 0 && before == get(t, slot + SLOT_NUMBER))
			return true;
	}
	return false;
}

/* Each store is a release, so that no word is seen to change before the number is odd. */
static void write_record(struct policy_devices *t, size_t slot, const uint64_t words[RECORD_WORDS])
{
	uint64_t number = get(t, slot + SLOT_NUMBER) | 1;
	set(t, slot + SLOT_NUMBER, number);
	for (size_t k = 0; k < RECORD_WORDS; k++)
		set(t, slot + SLOT_KEY + k, words[k]);
	set(t, slot + SLOT_NUMBER, number + 1);
}

/* --- the table --- */

size_t policy_devices_size(size_t slots)
{
	return (HEAD_WORDS + slots * SLOT_WORDS) * sizeof(uint64_t);
}

static bool slots_are_right(uint64_t slots)
{
	return slots >= POLICY_DEVICES_SLOTS_MIN && slots <= POLICY_DEVICES_SLOTS_MAX &&
	       (slots & (slots - 1)) == 0;
}

void policy_devices_begin(void *memory, size_t slots, struct hash_key key,
			  struct policy_devices *ret)
{
	ASSERT(slots_are_right(slots));
	*ret = (struct policy_devices){memory, slots, key};
	set(ret, HEAD_SLOTS, slots);
	set(ret, HEAD_KEY0, key.k0);
	set(ret, HEAD_KEY1, key.k1);
	set(ret, HEAD_MAGIC, MAGIC);
}

enum err policy_devices_open(struct span bytes, struct policy_devices *ret)
{
	if (bytes.len < HEAD_WORDS * sizeof(uint64_t) || (uintptr_t)bytes.data % sizeof(uint64_t))
		return ERR_FORMAT;
	struct policy_devices t = {.words = (_Atomic uint64_t *)(uintptr_t)bytes.data};
	uint64_t slots = get(&t, HEAD_SLOTS), magic = get(&t, HEAD_MAGIC);
	if (magic != MAGIC)
		return (magic ^ MAGIC) << 8 == 0 ? ERR_UNSUPPORTED : ERR_FORMAT;
	if (!slots_are_right(slots) || policy_devices_size(slots) != bytes.len)
		return ERR_FORMAT;
	t.slots = slots;
	t.key = (struct hash_key){get(&t, HEAD_KEY0), get(&t, HEAD_KEY1)};
	*ret = t;
	return OK;
}

static void add(struct policy_devices *t, size_t word, uint64_t n)
{
	set(t, word, get(t, word) + n); /* one writer */
}

static bool is_same(const struct policy_devices *t, size_t slot, const uint64_t words[RECORD_WORDS])
{
	for (size_t k = 0; k < RECORD_WORDS; k++)
		if (k != SLOT_UNTIL - SLOT_KEY && get(t, slot + SLOT_KEY + k) != words[k])
			return false;
	return true;
}

enum err policy_devices_put(struct policy_devices *t, const struct policy_device_key *key,
			    const struct policy_device *d)
{
	uint64_t words[RECORD_WORDS];
	size_t room, slot = search(t, key, &room);
	ASSERT(d->duid_len <= POLICY_DEVICE_DUID_MAX && key->bytes[0] != KIND_NONE);
	pack(key, d, words);
	if (slot && is_same(t, slot, words)) {
		/* A reader may believe in an end that was longer than this one until it looks
		 * again; so an end that comes nearer is a change. */
		if (d->until_s < get(t, slot + SLOT_UNTIL))
			add(t, HEAD_CHANGES, 1);
		set(t, slot + SLOT_UNTIL, d->until_s);
		return OK;
	}
	if (!slot && !room)
		return ERR_LIMIT;
	write_record(t, slot ? slot : room, words);
	add(t, HEAD_COUNT, slot ? 0 : 1);
	add(t, HEAD_CHANGES, 1);
	return OK;
}

void policy_devices_remove(struct policy_devices *t, const struct policy_device_key *key)
{
	uint64_t words[RECORD_WORDS];
	const struct policy_device_key dead = {{KIND_DEAD}};
	size_t room, slot = search(t, key, &room);
	if (!slot)
		return;
	pack(&dead, &(struct policy_device){0}, words);
	write_record(t, slot, words);
	add(t, HEAD_COUNT, (uint64_t)-1);
	add(t, HEAD_CHANGES, 1);
}

void policy_devices_breathe(struct policy_devices *t, uint64_t now_s)
{
	set(t, HEAD_BREATH, now_s);
}

enum err policy_devices_copy(const struct policy_devices *t, uint64_t now_s,
			     struct policy_devices *to)
{
	uint64_t words[RECORD_WORDS];
	struct policy_device_key key;
	struct policy_device d;
	for (size_t i = 0; i < t->slots; i++) {
		uint8_t kind = kind_of(t, slot_at(t, i));
		if (kind == KIND_NONE || kind == KIND_DEAD || !read_record(t, slot_at(t, i), words))
			continue;
		unpack(words, &d);
		memcpy(key.bytes, words, sizeof(key.bytes)); /* three words */
		if (d.until_s > now_s)
			TRY(policy_devices_put(to, &key, &d));
	}
	set(to, HEAD_BREATH, get(t, HEAD_BREATH));
	return OK;
}

size_t policy_devices_count(const struct policy_devices *t)
{
	return get(t, HEAD_COUNT);
}

size_t policy_devices_current(const struct policy_devices *t, uint64_t now_s)
{
	size_t n = 0;
	for (size_t i = 0; i < t->slots; i++) {
		uint8_t kind = kind_of(t, slot_at(t, i));
		n += kind != KIND_NONE && kind != KIND_DEAD &&
		     get(t, slot_at(t, i) + SLOT_UNTIL) > now_s;
	}
	return n;
}

bool policy_devices_find(const struct policy_devices *t, const struct policy_device_key *key,
			 uint64_t now_s, struct policy_device *ret)
{
	uint64_t words[RECORD_WORDS];
	struct policy_device d;
	size_t room, slot = search(t, key, &room);
	/* It may be another one's by the time that it was read. */
	if (!slot || !read_record(t, slot, words) ||
	    memcmp(words, key->bytes, sizeof(key->bytes)) != 0)
		return false;
	unpack(words, &d);
	if (d.until_s <= now_s)
		return false;
	if (ret)
		*ret = d;
	return true;
}

uint64_t policy_devices_changes(const struct policy_devices *t)
{
	return get(t, HEAD_CHANGES);
}

/* Either way: a clock may have been set back. */
static uint64_t apart_s(uint64_t breath, uint64_t now_s)
{
	return breath < now_s ? now_s - breath : breath - now_s;
}

bool policy_devices_live(const struct policy_devices *t, uint64_t now_s)
{
	return apart_s(get(t, HEAD_BREATH), now_s) <= POLICY_DEVICES_ALIVE_S;
}

uint64_t policy_devices_end_s(const struct policy_devices *t, uint64_t now_s)
{
	uint64_t breath = get(t, HEAD_BREATH);
	return apart_s(breath, now_s) < POLICY_DEVICES_GONE_S ? breath + POLICY_DEVICES_GONE_S : 0;
}
