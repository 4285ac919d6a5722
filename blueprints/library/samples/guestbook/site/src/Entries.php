<?php
declare(strict_types=1);

/** What guests wrote, in the database that the cluster `db` exports. */
final class Entries
{
    private PDO $database;

    public function __construct()
    {
        $address = sprintf(
            'mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4',
            getenv('DB_HOST'),
            getenv('DB_PORT'),
            getenv('DB_DATABASE'),
        );
        $this->database = new PDO($address, getenv('DB_USERNAME'), getenv('DB_PASSWORD'), [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 3,
        ]);
        $this->database->exec(
            'CREATE TABLE IF NOT EXISTS entries (id INT AUTO_INCREMENT PRIMARY KEY, '
            . 'written TIMESTAMP DEFAULT CURRENT_TIMESTAMP, text VARCHAR(500) NOT NULL)'
        );
    }

    public function add(string $text): void
    {
        if ($text !== '') {
            $this->database->prepare('INSERT INTO entries (text) VALUES (?)')->execute([$text]);
        }
    }

    /** The newest hundred. */
    public function all(): array
    {
        $found = $this->database->query('SELECT written, text FROM entries ORDER BY id DESC LIMIT 100');
        return $found->fetchAll(PDO::FETCH_ASSOC);
    }
}
