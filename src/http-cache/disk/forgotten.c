#include "http-cache/disk/forgotten.h"

#include "base/reader.h"
#include "base/writer.h"

#include <stdlib.h>

/* Words at the beginning; notes lie behind the first page. */
enum {
	AT_MAGIC = 0,
	AT_VOLUME = 8,
	AT_HALVES = 64, /* of each: how many bytes of notes, and up to which order all is meant */
	HALF_WORDS = 64,
	HALF_USED = 0,
	HALF_UPTO = 8,
};

enum { KIND_LEN = 3, KEY_LEN = 16, KIND_KEY = 0, KIND_PREFIX = 1, KIND_TAG = 2 };

static const uint64_t magic = UINT64_C(0x67682d676f6e6531); /* "gh-gone1" */

/* Only this process and those before it on this machine write here, so words lie as they are; each
 * store is one, in the order of the program, which is all that a kill asks for. */
static uint64_t *word_at(const struct disk_forgotten *f, size_t at)
{
	return (uint64_t *)(void *)(f->base + at);
}

static uint64_t get(const struct disk_forgotten *f, size_t at)
{
	return __atomic_load_n(word_at(f, at), __ATOMIC_ACQUIRE);
}

static void set(struct disk_forgotten *f, size_t at, uint64_t value)
{
	__atomic_store_n(word_at(f, at), value, __ATOMIC_RELEASE);
}

static size_t half_at(unsigned half, size_t word)
{
	return AT_HALVES + half * HALF_WORDS + word;
}

static uint8_t *notes_of(const struct disk_forgotten *f, unsigned half)
{
	return f->base + DISK_PAGE + (size_t)half * DISK_FORGOTTEN_HALF;
}

static uint64_t volume_of(struct hash_key key)
{
	static const char what[] = "forgotten";
	return siphash13_of(key, what, sizeof(what));
}

static bool is_of(const struct disk_forgotten *f, struct hash_key key)
{
	return get(f, AT_MAGIC) == magic && get(f, AT_VOLUME) == volume_of(key);
}

/* ---- what is there ---- */

static bool read_rule(struct disk_forgotten_found *ret, unsigned kind, struct span value)
{
	if (ret->rules_n == DISK_FORGOTTEN_RULES || value.len > CACHE_KEY_MAX)
		return false;
	ret->rules[ret->rules_n++] = (struct disk_forgotten_rule){
		kind == KIND_TAG ? CACHE_PURGE_TAG : CACHE_PURGE_PREFIX, value};
	return true;
}

static bool read_note(struct reader *r, struct disk_forgotten_found *ret)
{
	unsigned kind = read_u8(r);
	struct reader note = reader_sub(r, read_u16(r));
	if (r->bad || kind > KIND_TAG)
		return false;
	if (kind != KIND_KEY)
		return read_rule(ret, kind, read_span(&note, reader_left(&note)));
	uint64_t hash = read_u64(&note), order = read_u64(&note);
	if (reader_end(&note))
		return false;
	ret->keys[ret->keys_n++] = (struct disk_forgotten_key){hash, order};
	return true;
}

static int by_hash(const void *left, const void *right)
{
	const struct disk_forgotten_key *a = left, *b = right;
	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* Each once, with its highest order. */
static void sort(struct disk_forgotten_found *found)
{
	size_t n = 0;
	qsort(found->keys, found->keys_n, sizeof(*found->keys), by_hash);
	for (size_t i = 0; i < found->keys_n; i++) {
		struct disk_forgotten_key *last = n ? &found->keys[n - 1] : NULL;
		if (!last || last->hash != found->keys[i].hash)
			found->keys[n++] = found->keys[i];
		else if (last->order < found->keys[i].order)
			last->order = found->keys[i].order;
	}
	found->keys_n = n;
}

enum err disk_forgotten_read(const struct disk_forgotten *f, struct hash_key key,
			     struct disk_forgotten_found *ret)
{
	*ret = (struct disk_forgotten_found){0};
	if (!disk_forgotten_any(f) || !is_of(f, key))
		return OK;
	const uint64_t used[2] = {get(f, half_at(0, HALF_USED)), get(f, half_at(1, HALF_USED))};
	size_t lens[2];
	for (unsigned half = 0; half < 2; half++)
		lens[half] = used[half] <= DISK_FORGOTTEN_HALF ? (size_t)used[half] : 0;
	/* No key has a shorter note; and neither is of no bytes, for which malloc may give NULL. */
	ret->keys = calloc((lens[0] + lens[1]) / (KIND_LEN + KEY_LEN) + 1, sizeof(*ret->keys));
	ret->bytes = malloc(lens[0] + lens[1] + 1);
	if (!ret->keys || !ret->bytes) {
		disk_forgotten_found_done(ret);
		return ENOMEM;
	}
	for (unsigned half = 0; half < 2; half++) {
		uint8_t *bytes = ret->bytes + (half ? lens[0] : 0);
		uint64_t upto = get(f, half_at(half, HALF_UPTO));
		bool good = lens[half] == used[half];
		memcpy(bytes, notes_of(f, half), lens[half]);
		struct reader r = reader_of(bytes, lens[half]);
		while (good && reader_left(&r))
			good = read_note(&r, ret);
		upto = good ? upto : UINT64_MAX;
		ret->upto = ret->upto > upto ? ret->upto : upto;
	}
	sort(ret);
	return OK;
}

void disk_forgotten_found_done(struct disk_forgotten_found *found)
{
	free(found->keys);
	free(found->bytes);
	*found = (struct disk_forgotten_found){0};
}

bool disk_forgotten_means(const struct disk_forgotten_found *found, uint64_t hash, uint64_t order)
{
	const struct disk_forgotten_key wanted = {.hash = hash};
	if (order <= found->upto)
		return true;
	const struct disk_forgotten_key *k =
		found->keys_n
			? bsearch(&wanted, found->keys, found->keys_n, sizeof(wanted), by_hash)
			: NULL;
	return k && order <= k->order;
}

/* ---- notes ---- */

static void half_clear(struct disk_forgotten *f, unsigned half)
{
	set(f, half_at(half, HALF_UPTO), 0);
	set(f, half_at(half, HALF_USED), 0);
}

void disk_forgotten_take(struct disk_forgotten *f, struct hash_key key)
{
	f->active = 0;
	if (!f->base || is_of(f, key))
		return;
	set(f, AT_MAGIC, 0);
	half_clear(f, 0);
	half_clear(f, 1);
	set(f, AT_VOLUME, volume_of(key));
	set(f, AT_MAGIC, magic);
}

void disk_forgotten_note_all(struct disk_forgotten *f, uint64_t order)
{
	/* There is no record of order 0; that the word is none says that something is noted. */
	if (f->base)
		set(f, half_at(f->active, HALF_UPTO), order ? order : 1);
}

/* What finds no room any more means everything. */
static void note(struct disk_forgotten *f, unsigned kind, struct span value, uint64_t order)
{
	if (!f->base)
		return;
	size_t at = half_at(f->active, HALF_USED);
	uint64_t used = get(f, at);
	size_t room = used <= DISK_FORGOTTEN_HALF ? DISK_FORGOTTEN_HALF - (size_t)used : 0;
	struct writer w = writer_of(notes_of(f, f->active) + DISK_FORGOTTEN_HALF - room, room);
	write_u8(&w, (uint8_t)kind);
	write_u16(&w, (uint16_t)value.len);
	write_span(&w, value);
	if (w.bad || value.len > CACHE_KEY_MAX)
		disk_forgotten_note_all(f, order);
	else
		set(f, at, used + w.pos);
}

void disk_forgotten_note_key(struct disk_forgotten *f, uint64_t hash, uint64_t order)
{
	uint8_t bytes[KEY_LEN];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u64(&w, hash);
	write_u64(&w, order);
	note(f, KIND_KEY, writer_span(&w), order);
}

void disk_forgotten_note_rule(struct disk_forgotten *f, enum cache_purge what, struct span value,
			      uint64_t order)
{
	note(f, what == CACHE_PURGE_TAG ? KIND_TAG : KIND_PREFIX, value, order);
}

static bool half_any(const struct disk_forgotten *f, unsigned half)
{
	return get(f, half_at(half, HALF_USED)) || get(f, half_at(half, HALF_UPTO));
}

bool disk_forgotten_any(const struct disk_forgotten *f)
{
	return f->base && (half_any(f, 0) || half_any(f, 1));
}

void disk_forgotten_turn(struct disk_forgotten *f)
{
	/* Where the disk did not take what is in the other one, that waits on. */
	if (f->base && !half_any(f, 1 - f->active))
		f->active = 1 - f->active;
}

void disk_forgotten_clear(struct disk_forgotten *f)
{
	if (f->base)
		half_clear(f, 1 - f->active);
}
