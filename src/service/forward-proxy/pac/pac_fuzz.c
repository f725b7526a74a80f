/* The input is a configuration: lines, the first byte of each its kind. The script that comes of
 * what is taken must be printable ASCII that opens and closes each string in its line, whatever the
 * names are. */
#include "base/writer.h"
#include "service/forward-proxy/pac/pac.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACES_MAX = 32 };

static void script_is_sound(struct span text)
{
	size_t quotes = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		ASSERT((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t');
		quotes += c == '\'';
		if (c == '\n') {
			ASSERT(quotes % 2 == 0);
			quotes = 0;
		}
	}
	ASSERT(quotes == 0 && text.len && text.data[text.len - 1] == '\n');
}

static void line_add(struct pac *p, struct pac_proxy *proxies, struct access_place *places,
		     char *room, struct span line)
{
	struct span text = span_sub(line, 1, line.len);
	switch (line.len ? line.data[0] : 0) {
	case 'p':
		if (p->proxies_n < PAC_PROXIES_MAX &&
		    pac_proxy_read(text, &proxies[p->proxies_n]) == OK)
			p->proxies_n++;
		break;
	case 'd':
		if (p->direct_n < PLACES_MAX &&
		    access_place_read(text, &room[p->direct_n * 256], &places[p->direct_n]) == OK)
			p->direct_n++;
		break;
	case 'f': p->fallback = true; break;
	case 'n': p->plain_names = true; break;
	default: break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pac_proxy proxies[PAC_PROXIES_MAX];
	struct access_place places[PLACES_MAX];
	struct pac p = {.proxies = proxies, .direct = places};
	char room[PLACES_MAX * 256];
	static uint8_t out[64 * 1024]; /* why-global: too large for a stack, made anew each time */
	struct span rest = span_of(data, size);
	while (rest.len) {
		size_t end = span_find(rest, '\n');
		line_add(&p, proxies, places, room, span_sub(rest, 0, end));
		rest = span_sub(rest, end + 1, rest.len);
	}
	struct writer w = writer_of(out, sizeof(out));
	pac_write(&p, &w);
	ASSERT(!w.bad);
	script_is_sound(writer_span(&w));
	return 0;
}
