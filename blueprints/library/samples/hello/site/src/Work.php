<?php

declare(strict_types=1);

/** Keeps one processor busy for a while. */
final class Work
{
    public const LIMIT = 5000;
    private const DEFAULT = 50;

    /** The time asked for, or null where it is no number from 1 to LIMIT. */
    public static function milliseconds(mixed $asked): ?int
    {
        if ($asked === null) {
            return self::DEFAULT;
        }
        $number = filter_var($asked, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => self::LIMIT]]);
        return $number === false ? null : $number;
    }

    /** Hashes until the time is over; returns how many rounds it took. */
    public static function run(int $milliseconds): int
    {
        $end = hrtime(true) + $milliseconds * 1_000_000;
        $rounds = 0;
        $digest = 'altostratus';
        while (hrtime(true) < $end) {
            $digest = hash('sha256', $digest);
            $rounds++;
        }
        return $rounds;
    }
}
