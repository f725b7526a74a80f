/* Aligned, coloured tables and durations for a terminal. Knows no subcommand. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum print_style {
	PRINT_PLAIN,
	PRINT_BOLD,
	PRINT_DIM,
	PRINT_RED,
	PRINT_GREEN,
	PRINT_YELLOW,
	PRINT_BLUE,
	PRINT_CYAN
};

#define PRINT_COLUMNS_MAX 12

struct print_table {
	FILE *to; /* borrowed */
	bool colour;
	size_t columns;
	char **cells; /* row by row; owned */
	enum print_style *styles;
	size_t cells_n, cells_size;
	bool failed; /* memory was short: the table is not printed */
};

/* The first row is the heads, printed bold; columns of them. */
void print_table_init(struct print_table *t, FILE *to, bool colour, size_t columns,
		      const char *const *heads);
/* The next cell; a row is full after `columns` of them. */
__attribute__((format(printf, 3, 4))) void print_cell(struct print_table *t, enum print_style style,
						      const char *format, ...);
/* Prints and empties it. */
void print_table_end(struct print_table *t);

/* Escape sequences, or "" without colour. */
const char *print_style_on(bool colour, enum print_style style);
const char *print_style_off(bool colour, enum print_style style);

/* Columns that UTF-8 text takes on a terminal; wide letters count two. */
size_t print_width(const char *text);

/* "3 d 4 h", "12 min", "850 ms", "420 µs": two parts at most. Returns buf. */
const char *print_duration_us(uint64_t us, char *buf, size_t size);

#endif
