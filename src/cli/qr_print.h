/* A QR code in a terminal, two modules in each letter. Knows not what it says. */
#ifndef CLI_QR_PRINT_H
#define CLI_QR_PRINT_H

#include <stdbool.h>
#include <stdio.h>

struct qr;

/* colour: black on white by escape sequences, so that it is right in every terminal; else the light
 * modules are drawn, for letters that are light on dark. */
void qr_print(FILE *to, const struct qr *q, bool colour);

#endif
