/* QR codes (ISO/IEC 18004) of a text: which modules are dark, and the code as an SVG image. Knows
 * neither what the text is nor where it is shown. */
#ifndef PROTO_QR_QR_H
#define PROTO_QR_QR_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum {
	QR_SIDE_MAX = 177,  /* modules: version 40 */
	QR_TEXT_MAX = 2331, /* bytes of text that fit at QR_MEDIUM */
	QR_QUIET = 4,	    /* light modules that must be around it (ISO/IEC 18004 6.3.8) */
};

struct qr {
	uint8_t side; /* modules; 21 to QR_SIDE_MAX */
	uint8_t dark[(QR_SIDE_MAX * QR_SIDE_MAX + 7) / 8];
};

/* The smallest code of these bytes with error correction M (15 %). ERR_FORMAT: empty; ERR_LIMIT:
 * over QR_TEXT_MAX; ENOMEM. What the library kept of text is wiped. */
MUST enum err qr_encode(struct span text, struct qr *ret);

/* x and y from the upper left corner; false outside. */
bool qr_is_dark(const struct qr *q, unsigned x, unsigned y);

/* As <svg>, dark on light with the quiet zone, one path, without a size of its own; titled for who
 * does not see. title: no markup. */
void qr_write_svg(const struct qr *q, const char *title, struct writer *w);

/* Wipes; accepts NULL. For codes of secrets. */
void qr_done(struct qr *q);

#endif
