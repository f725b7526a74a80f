#include "proto/dns/rdata.h"
#include "proto/dns/rdata_field.h"

#define WINDOW_MAX 32 /* bytes of the bitmap of one window, RFC 4034 4.1.2 */

enum err dns_bitmap_check(struct reader *r)
{
	int last = -1;
	while (reader_left(r)) {
		int window = read_u8(r);
		struct span bits = read_span(r, read_u8(r));
		/* RFC 4034 4.1.2: windows rise, empty ones and trailing zeros are left out. */
		if (bits.len == 0 || bits.len > WINDOW_MAX || window <= last ||
		    bits.data[bits.len - 1] == 0)
			return ERR_FORMAT;
		last = window;
	}
	return reader_end(r);
}

enum err dns_bitmap_parse(struct dns_text_lexer *l, struct writer *w)
{
	uint8_t bits[256][WINDOW_MAX]; /* a window is cleared when its first type comes */
	uint8_t used[256] = {0};       /* bytes of each window */
	while (dns_text_more(l)) {
		struct span word;
		uint16_t type;
		TRY(dns_text_word(l, "a record type", &word));
		if (!dns_type_from_text(word, &type))
			return dns_text_fail(l, "a record type");
		unsigned window = type >> 8, at = (type & 255) / 8;
		if (used[window] == 0)
			memset(bits[window], 0, WINDOW_MAX);
		if (used[window] <= at)
			used[window] = (uint8_t)(at + 1);
		bits[window][at] = (uint8_t)(bits[window][at] | 0x80U >> (type & 7));
	}
	for (unsigned i = 0; i < 256; i++) {
		if (used[i] == 0)
			continue;
		write_u8(w, (uint8_t)i);
		write_u8(w, used[i]);
		write_bytes(w, bits[i], used[i]);
	}
	return OK;
}

void dns_bitmap_format(struct span bitmap, struct writer *w)
{
	struct reader r = reader_of_span(bitmap);
	bool first = true;
	while (reader_left(&r)) {
		unsigned window = read_u8(&r);
		struct span bits = read_span(&r, read_u8(&r));
		for (unsigned i = 0; i < bits.len * 8; i++) {
			if (!(bits.data[i / 8] & 0x80U >> (i & 7)))
				continue;
			if (!first)
				write_u8(w, ' ');
			first = false;
			dns_type_write((uint16_t)(window << 8 | i), w);
		}
	}
}

bool dns_bitmap_has(struct span bitmap, uint16_t type)
{
	struct reader r = reader_of_span(bitmap);
	while (reader_left(&r)) {
		unsigned window = read_u8(&r);
		struct span bits = read_span(&r, read_u8(&r));
		unsigned at = (type & 255) / 8;
		if (window == type >> 8)
			return at < bits.len && bits.data[at] & 0x80U >> (type & 7);
	}
	return false;
}
