<?php
// Asks everything this cluster is linked to, and tells what came back.
declare(strict_types=1);

function exchange(string $host, string $port, string $request, string $end): string
{
    $socket = fsockopen($host, (int) $port, $code, $message, 3);
    if ($socket === false) {
        throw new RuntimeException("$host: $message");
    }
    stream_set_timeout($socket, 3);
    fwrite($socket, $request);
    $answer = '';
    while (!str_contains($answer, $end) && ($line = fgets($socket)) !== false) {
        $answer .= $line;
    }
    fclose($socket);

    return trim($answer);
}

function database(): string
{
    $source = sprintf('mysql:host=%s;port=%s;dbname=%s', getenv('DATABASE_HOST'), getenv('DATABASE_PORT'), getenv('DATABASE_DATABASE'));
    $database = new PDO($source, getenv('DATABASE_USERNAME'), getenv('DATABASE_PASSWORD'));
    $database->exec('CREATE TABLE IF NOT EXISTS visits (at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)');
    $database->exec('INSERT INTO visits () VALUES ()');

    return 'visit ' . $database->query('SELECT COUNT(*) FROM visits')->fetchColumn();
}

function store(): string
{
    $words = sprintf("AUTH %s\r\nINCR visits\r\n", getenv('STORE_PASSWORD'));

    return exchange(getenv('STORE_HOST'), getenv('STORE_PORT'), $words, ':');
}

function cache(): string
{
    $words = "set greeting 0 60 5\r\nhello\r\nget greeting\r\n";

    return exchange(getenv('CACHE_HOST'), getenv('CACHE_PORT'), $words, 'END');
}

header('Content-Type: application/json');
echo json_encode(['database' => database(), 'store' => store(), 'cache' => cache()]);
